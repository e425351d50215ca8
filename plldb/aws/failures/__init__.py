"""What a failure of AWS, of botocore or of somebody's settings means, and the way out. Pure."""
