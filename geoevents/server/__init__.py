"""The HTTP service behind `geoevents serve` (needs the extra `server`)."""
