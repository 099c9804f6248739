"""The verbs of the command line, one module each: ``register(app)`` adds it. Heavy imports wait until a verb runs."""
