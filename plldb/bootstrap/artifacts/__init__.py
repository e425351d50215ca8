"""What setup uploads, and the bucket that it lies in. Pure."""
