"""Looking: everything a decision needs, read once through the ports; deciding nothing."""
