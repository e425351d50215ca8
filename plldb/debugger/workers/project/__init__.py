"""What a project says of itself: where its code is, which Python is its own. Talks to the disk."""
