"""Role-based access control: rules, what an account may do, and the smallest fix."""
