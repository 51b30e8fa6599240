"""The live loop and what runs on it; knows asyncio, knows no view."""
