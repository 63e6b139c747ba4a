"""What several check files of this lab need."""
