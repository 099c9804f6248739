"""Closed-loop trials over compressed cameras: episodes, scoring, statistics, results."""
