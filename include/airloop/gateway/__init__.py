"""The gateway: one nginx before the model servers of a stack, which shares requests out among containers.

Its public door answers predictions; by its administration door each server is reached by its name.
"""

from airloop.gateway.configuration import read, render
from airloop.gateway.gateway import Gateway
from airloop.gateway.route import Route, Upstream

__all__ = ["Gateway", "Route", "Upstream", "read", "render"]
