"""The record of one observed loop, bounded, and readable while it is written."""
