"""What several check files of this lab need, and no other lab would."""
