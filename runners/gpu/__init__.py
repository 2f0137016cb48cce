"""What is known of a GPU while steps are timed, and what that means for them."""
