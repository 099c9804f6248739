"""Training of the reference policy: examples on disk, and imitation of them."""
