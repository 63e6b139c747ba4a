"""What both shells (CLI and TUI) use: the workbench, exams, reports and the doctor."""
