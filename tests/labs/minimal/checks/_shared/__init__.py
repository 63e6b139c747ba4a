"""What the checks of this lab share."""
