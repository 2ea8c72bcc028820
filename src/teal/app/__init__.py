"""The composition root: the one place where ports meet adapters, and the library's façade."""
