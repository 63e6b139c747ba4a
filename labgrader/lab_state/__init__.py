"""What changes the objects of a lab: solver, reset, mutations, and putting them back."""
