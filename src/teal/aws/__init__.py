"""The door to AWS: the ports of teal, spoken in AWS's API."""
