"""A FastAPI application, for a comparison with uvicorn."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, File, Form, Header, HTTPException, UploadFile
from fastapi.responses import StreamingResponse
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel

application = FastAPI(title="Pages")
token = OAuth2PasswordBearer("token")
DONE: list[str] = []


class Item(BaseModel):
    """What a shop has."""

    name: str
    price: float
    tags: list[str] = []


@application.get("/")
async def home() -> dict[str, str]:
    """Answer."""
    return {"hello": "world"}


@application.get("/items/{number}")
def item(number: int, q: str | None = None) -> dict[str, object]:
    """Answer from a thread."""
    return {"number": number, "q": q}


@application.post("/items", status_code=201)
async def add(item: Item) -> Item:
    """Take JSON."""
    return item


@application.post("/upload")
async def upload(file: Annotated[UploadFile, File()], note: Annotated[str, Form()]) -> dict[str, object]:
    """Take a file."""
    return {"name": file.filename, "size": len(await file.read()), "note": note}


@application.get("/me")
async def me(token: Annotated[str, Depends(token)]) -> str:
    """Show the token."""
    return token


@application.get("/agent")
async def agent(x_agent: Annotated[str, Header()]) -> str:
    """Show a header."""
    return x_agent


@application.get("/missing")
async def missing() -> None:
    """Refuse."""
    raise HTTPException(404, "no such thing")


@application.get("/stream")
async def stream() -> StreamingResponse:
    """Stream."""

    async def parts() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"part %d\n" % number

    return StreamingResponse(parts())


@application.post("/work")
async def work(tasks: BackgroundTasks) -> str:
    """Do something after the response."""
    tasks.add_task(DONE.append, "work")
    return "begun"


@application.get("/done")
async def done() -> list[str]:
    """Show what was done."""
    return DONE
