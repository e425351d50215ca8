"""Which functions a caller means, and what plldb's own stack offers. Talks to AWS."""
