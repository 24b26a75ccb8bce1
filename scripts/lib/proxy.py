"""A TCP proxy whose target can be changed while it runs: `proxy.py PORT FILE`.

FILE has the port of the target, read for each new connection; one that says `away` refuses all. What was connected stays
connected until either end closes.
"""

import asyncio
import pathlib
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader, writer, target):
    try:
        port = int(target.read_text())
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, ValueError):
        writer.close()
        return
    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


async def main(port, target):
    server = await asyncio.start_server(lambda r, w: serve(r, w, target), "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), pathlib.Path(sys.argv[2])))
