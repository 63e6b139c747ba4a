"""What belongs to a learner: quiz, drills, guidance, lessons and timed sessions."""
