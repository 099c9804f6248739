"""Training of the reference policy."""
