"""Videos of episodes, through PyAV."""
