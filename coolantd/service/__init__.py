"""The asyncio shell round the pure core: polling, cycle, writing, watching, telling."""
