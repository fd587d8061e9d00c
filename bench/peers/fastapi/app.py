"""The FastAPI peer: sessions of an MSP, as a competent Python developer would write them.

It reads the tables that our server's migrations made and answers the same JSON; the benchmark compares the answers before it
measures. The usual choices, and none that slows it down: SQLAlchemy 2 with mapped classes, names of related rows by eager
joins, collections by one IN query each, only the columns that are shown, pydantic models as responses, a pool that does not
ping. Handlers are plain functions, which FastAPI runs on its thread pool: the drivers of all three engines are synchronous.
"""

import base64
import json
import os
import unicodedata
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, Uuid, and_, create_engine, event, func, or_, select, tuple_
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    column_property,
    joinedload,
    load_only,
    mapped_column,
    relationship,
    selectinload,
    sessionmaker,
    undefer,
)
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.types import TypeDecorator

URL = os.environ["DATABASE_URL"]
KEY = base64.b64decode(os.environ["JWT_SECRET_KEY"])
NAME = os.environ["JWT_NAME"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
IS_SQLITE = URL.startswith("sqlite")


class Key(TypeDecorator):
    """An id: UUID on PostgreSQL, sixteen bytes elsewhere."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect):
        return dialect.type_descriptor(Uuid() if dialect.name == "postgresql" else LargeBinary(16))

    def process_bind_param(self, value, dialect):
        return value if value is None or dialect.name == "postgresql" else value.bytes

    def process_result_value(self, value, dialect):
        return value if value is None or dialect.name == "postgresql" else uuid.UUID(bytes=bytes(value))


class Instant(TypeDecorator):
    """An instant, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return value if value is None else (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value, dialect):
        return value if value is None else EPOCH + timedelta(microseconds=value)


class Hours(TypeDecorator):
    """Hours, kept in hundredths."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return value if value is None else round(value * 100)

    def process_result_value(self, value, dialect):
        return value if value is None else value / 100


class Base(DeclarativeBase):
    pass


class ClientRow(Base):
    __tablename__ = "clients"
    id: Mapped[uuid.UUID] = mapped_column(Key, primary_key=True)
    name: Mapped[str]
    billing_increment_minutes: Mapped[int]
    billing_rounding: Mapped[str]


class ProjectRow(Base):
    __tablename__ = "projects"
    id: Mapped[uuid.UUID] = mapped_column(Key, primary_key=True)
    client_id: Mapped[uuid.UUID] = mapped_column(Key)
    name: Mapped[str]


class MachineRow(Base):
    __tablename__ = "machines"
    id: Mapped[uuid.UUID] = mapped_column(Key, primary_key=True)
    hostname: Mapped[str]


class TagRow(Base):
    __tablename__ = "tags"
    id: Mapped[uuid.UUID] = mapped_column(Key, primary_key=True)
    name: Mapped[str]


class SessionTagRow(Base):
    __tablename__ = "session_tags"
    session_id: Mapped[uuid.UUID] = mapped_column(Key, ForeignKey("sessions.id"), primary_key=True)
    tag_id: Mapped[uuid.UUID] = mapped_column(Key, ForeignKey("tags.id"), primary_key=True)


class TechnologyRow(Base):
    __tablename__ = "session_technologies"
    session_id: Mapped[uuid.UUID] = mapped_column(Key, ForeignKey("sessions.id"), primary_key=True)
    technology_key: Mapped[str] = mapped_column(primary_key=True)
    technology: Mapped[str]
    position: Mapped[int]


class WorkItemRow(Base):
    __tablename__ = "work_items"
    id: Mapped[uuid.UUID] = mapped_column(Key, primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(Key, ForeignKey("sessions.id"))
    category: Mapped[str]
    title: Mapped[str]
    status: Mapped[str]
    created_at: Mapped[int] = mapped_column(BigInteger)


class BillableTimeRow(Base):
    __tablename__ = "billable_time"
    id: Mapped[uuid.UUID] = mapped_column(Key, primary_key=True)
    session_id: Mapped[uuid.UUID | None] = mapped_column(Key, ForeignKey("sessions.id"))
    entry_date: Mapped[date]
    minutes: Mapped[int]


class CommandRow(Base):
    __tablename__ = "commands"
    id: Mapped[uuid.UUID] = mapped_column(Key, primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(Key, ForeignKey("sessions.id"))


class SessionRow(Base):
    __tablename__ = "sessions"
    id: Mapped[uuid.UUID] = mapped_column(Key, primary_key=True)
    client_id: Mapped[uuid.UUID | None] = mapped_column(Key, ForeignKey("clients.id"))
    project_id: Mapped[uuid.UUID | None] = mapped_column(Key, ForeignKey("projects.id"))
    machine_id: Mapped[uuid.UUID | None] = mapped_column(Key, ForeignKey("machines.id"))
    session_date: Mapped[date]
    start_time: Mapped[datetime | None] = mapped_column(Instant)
    end_time: Mapped[datetime | None] = mapped_column(Instant)
    duration_minutes: Mapped[int | None]
    session_title: Mapped[str]
    title_key: Mapped[str]
    technician: Mapped[str | None]
    technician_key: Mapped[str | None]
    status: Mapped[str]
    is_billable: Mapped[bool]
    billable_hours: Mapped[float | None] = mapped_column(Hours)
    billable_hours_given: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
    revision: Mapped[int]
    summary: Mapped[str | None]
    notes: Mapped[str | None]
    search_key: Mapped[str]

    client: Mapped[ClientRow | None] = relationship()
    project: Mapped[ProjectRow | None] = relationship()
    machine: Mapped[MachineRow | None] = relationship()
    tag_rows: Mapped[list[TagRow]] = relationship(secondary="session_tags", order_by=TagRow.name, viewonly=True)
    technology_rows: Mapped[list[TechnologyRow]] = relationship(order_by=TechnologyRow.position, viewonly=True)
    work_items: Mapped[list[WorkItemRow]] = relationship(
        order_by=(WorkItemRow.created_at, WorkItemRow.id), viewonly=True
    )
    billable_time: Mapped[list[BillableTimeRow]] = relationship(
        order_by=(BillableTimeRow.entry_date, BillableTimeRow.id), viewonly=True
    )
    commands: Mapped[int] = column_property(
        select(func.count(CommandRow.id)).where(CommandRow.session_id == id).correlate_except(CommandRow).scalar_subquery(),
        deferred=True,
    )

    @property
    def client_name(self) -> str | None:
        return self.client.name if self.client else None

    @property
    def project_name(self) -> str | None:
        return self.project.name if self.project else None

    @property
    def machine_hostname(self) -> str | None:
        return self.machine.hostname if self.machine else None

    @property
    def tags(self) -> list[str]:
        return [tag.name for tag in self.tag_rows]

    @property
    def technologies_used(self) -> list[str]:
        return [row.technology for row in self.technology_rows]


class SessionListItem(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    client_id: uuid.UUID | None
    client_name: str | None
    project_id: uuid.UUID | None
    project_name: str | None
    session_date: date
    duration_minutes: int | None
    billable_hours: float | None
    session_title: str
    summary: str | None
    status: str
    is_billable: bool
    created_at: datetime
    updated_at: datetime


class SessionPage(BaseModel):
    sessions: list[SessionListItem]
    limit: int
    next_cursor: str | None


class FirstPage(SessionPage):
    total: int
    offset: int


class WorkItem(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    category: str
    title: str
    status: str


class BillableTime(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    minutes: int


class SessionDetail(SessionListItem):
    machine_id: uuid.UUID | None
    machine_hostname: str | None
    start_time: datetime | None
    end_time: datetime | None
    technician: str | None
    notes: str | None
    tags: list[str]
    technologies_used: list[str]
    work_items: list[WorkItem]
    commands: int
    billable_time: list[BillableTime]


class NewSession(BaseModel):
    model_config = ConfigDict(extra="forbid")

    client_id: uuid.UUID
    project_id: uuid.UUID
    session_date: date
    start_time: datetime
    end_time: datetime
    session_title: str
    summary: str | None = None
    status: str


def connect(**options):
    """A pool; on SQLite with the settings of our server."""
    if IS_SQLITE:
        # The driver is not to begin transactions by itself; SQLAlchemy's events below do.
        options["connect_args"] = {"timeout": 30, "isolation_level": None, "check_same_thread": False}
    engine = create_engine(URL, pool_timeout=60, **options)
    if IS_SQLITE:

        @event.listens_for(engine, "connect")
        def prepare(connection, _):
            for pragma in (
                "journal_mode = wal",
                "synchronous = full",
                "foreign_keys = on",
                "mmap_size = 268435456",
                "cache_size = -16384",
                "temp_store = memory",
            ):
                connection.execute(f"PRAGMA {pragma}")

    return engine


# As many connections as FastAPI's pool has threads at work under the benchmark's load.
readers = connect(pool_size=16, max_overflow=24)
# SQLite takes one writer at a time: let them queue here rather than poll for the lock. IMMEDIATE, because a transaction that
# has read cannot become a writer once another has written.
writers = connect(pool_size=1, max_overflow=0) if IS_SQLITE else readers
if IS_SQLITE:

    @event.listens_for(writers, "begin")
    def begin_immediate(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


Reads = sessionmaker(readers, autoflush=False, expire_on_commit=False)
Writes = sessionmaker(writers, autoflush=False, expire_on_commit=False)

app = FastAPI()
bearer = HTTPBearer()


# A coroutine, so that it runs in place: a hop to the thread pool would cost more than the check.
async def caller(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    try:
        claims = jwt.decode(credentials.credentials, KEY, algorithms=["HS256"], audience=NAME, issuer=NAME)
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "no good token") from error
    return claims["sub"]


Caller = Annotated[str, Depends(caller)]

NAMES = (joinedload(SessionRow.client).load_only(ClientRow.name), joinedload(SessionRow.project).load_only(ProjectRow.name))
LISTED = load_only(
    SessionRow.client_id,
    SessionRow.project_id,
    SessionRow.session_date,
    SessionRow.duration_minutes,
    SessionRow.billable_hours,
    SessionRow.session_title,
    SessionRow.summary,
    SessionRow.status,
    SessionRow.is_billable,
    SessionRow.created_at,
    SessionRow.updated_at,
)
COLLECTIONS = (
    joinedload(SessionRow.machine),
    selectinload(SessionRow.tag_rows),
    selectinload(SessionRow.technology_rows),
    selectinload(SessionRow.work_items),
    selectinload(SessionRow.billable_time),
    undefer(SessionRow.commands),
)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/api/v1/sessions")
def list_sessions(
    _: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: str | None = None
) -> FirstPage | SessionPage:
    page = select(SessionRow).options(LISTED, *NAMES)
    if cursor:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        page = page.where(behind(date.fromisoformat(place["k"]["d"]), uuid.UUID(place["i"])))
    page = page.order_by(SessionRow.session_date.desc(), SessionRow.id.desc()).limit(limit + 1)
    with Reads() as database:
        rows = list(database.scalars(page))
        total = None if cursor else database.scalar(select(func.count()).select_from(SessionRow))
    more, rows = len(rows) > limit, rows[:limit]
    sessions = [SessionListItem.model_validate(row) for row in rows]
    body = {"sessions": sessions, "limit": limit, "next_cursor": cursor_behind(rows[-1]) if more else None}
    return SessionPage(**body) if cursor else FirstPage(**body, total=total, offset=0)


def behind(day: date, key: uuid.UUID):
    if URL.startswith("mysql"):
        # MariaDB uses no index for a comparison of rows.
        return and_(SessionRow.session_date <= day, or_(SessionRow.session_date < day, SessionRow.id < key))
    return tuple_(SessionRow.session_date, SessionRow.id) < (day, key)


def cursor_behind(row: SessionRow) -> str:
    place = {"s": "-session_date", "k": {"d": row.session_date.isoformat()}, "i": str(row.id)}
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


@app.get("/api/v1/sessions/{key}")
def read_session(_: Caller, key: uuid.UUID) -> SessionDetail:
    with Reads() as database:
        row = database.scalar(select(SessionRow).where(SessionRow.id == key).options(*NAMES, *COLLECTIONS))
        if row is None:
            raise HTTPException(404, "no such session")
        return SessionDetail.model_validate(row)


@app.post("/api/v1/sessions", status_code=201)
def create_session(technician: Caller, new: NewSession, response: Response) -> SessionDetail:
    now = datetime.now(UTC)
    with Writes.begin() as database:
        client = database.get(ClientRow, new.client_id)
        project = database.get(ProjectRow, new.project_id)
        if client is None or project is None or project.client_id != client.id:
            raise HTTPException(404, "no such client or project")
        minutes = int((new.end_time - new.start_time).total_seconds() // 60)
        row = SessionRow(
            id=uuid7(now),
            client=client,
            project=project,
            machine=None,
            session_date=new.session_date,
            start_time=new.start_time,
            end_time=new.end_time,
            duration_minutes=minutes,
            session_title=new.session_title,
            title_key=fold(new.session_title),
            technician=technician,
            technician_key=fold(technician),
            status=new.status,
            is_billable=True,
            billable_hours=billed(minutes, client) / 60,
            billable_hours_given=False,
            created_at=now,
            updated_at=now,
            revision=1,
            summary=new.summary,
            notes=None,
            search_key="\x1f".join(fold(text) for text in (new.session_title, new.summary) if text is not None),
            tag_rows=[],
            technology_rows=[],
            work_items=[],
            billable_time=[],
        )
        database.add(row)
        database.flush()
        set_committed_value(row, "commands", 0)
        detail = SessionDetail.model_validate(row)
    response.headers["location"] = f"/api/v1/sessions/{row.id}"
    return detail


def billed(minutes: int, client: ClientRow) -> int:
    """The minutes to bill, by the client's rule."""
    increment = client.billing_increment_minutes
    rest = minutes % increment
    if client.billing_rounding == "none":
        return minutes
    if (client.billing_rounding == "up" and rest) or (client.billing_rounding == "nearest" and rest * 2 >= increment):
        return minutes - rest + increment
    return minutes - rest


def fold(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def uuid7(now: datetime) -> uuid.UUID:
    """A UUID that sorts by time, as our server makes them; Python has them from 3.14 on."""
    millis = (now - EPOCH) // timedelta(milliseconds=1)
    random = int.from_bytes(os.urandom(10))
    value = (millis << 80) | random
    value = (value & ~(0xF << 76)) | (7 << 76)
    return uuid.UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))
