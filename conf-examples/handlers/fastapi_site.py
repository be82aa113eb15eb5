"""A site in FastAPI, for fastapi.conf."""

from fastapi import BackgroundTasks, FastAPI, File, Form, UploadFile

DONE: list[str] = []


def create() -> FastAPI:
    """Make the application: once in each interpreter."""
    app = FastAPI(title="A site")
    app.get("/")(home)
    app.post("/upload")(upload)
    app.post("/work")(work)
    app.get("/done")(done)
    return app


async def home() -> dict[str, str]:
    """Greet."""
    return {"hello": "world"}


async def upload(file: UploadFile = File(), note: str = Form()) -> dict[str, object]:  # noqa: B008 - FastAPI's way
    """Say what has come."""
    return {"name": file.filename, "size": len(await file.read()), "note": note}


async def work(tasks: BackgroundTasks) -> str:
    """Answer at once, and do the work then."""
    tasks.add_task(DONE.append, "work")
    return "begun"


async def done() -> list[str]:
    """Say what was done."""
    return DONE
