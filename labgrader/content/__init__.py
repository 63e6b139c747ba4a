"""A lab as it is written down: tasks, criteria and checklists, read and validated."""
