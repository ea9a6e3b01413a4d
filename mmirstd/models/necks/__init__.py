"""Necks: modules between encoder and decoder."""

from mmirstd.models.necks.query_fpn import QueryFPN

__all__ = ['QueryFPN']
