"""What a step does and holds, counted exactly."""
