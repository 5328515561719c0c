"""geoevents: CAMEO-coded events from geopolitical news."""
