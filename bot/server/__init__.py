"""The GitHub App: takes webhooks, keeps them in a queue, and works them off."""
