"""Who, where and when: actor codes, places, dates, coreference and duplicates, offline, from data in the package."""

from geoevents.resolution.resolver import Resolver, load_resolver

__all__ = ["Resolver", "load_resolver"]
