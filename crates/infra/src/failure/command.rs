//! Commands: what was run where, and how it ended.

use claudetools_kernel::{
    Direction, Entity, Faults, Id, Keyed, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use uuid::Uuid;

use super::{FailurePattern, fingerprint::first_call, intent, redact};
use crate::inventory::Asset;

enumeration! {
    /// What a command was run by.
    pub enum ShellType {
        /// PowerShell of any version.
        Powershell = "powershell",
        /// cmd.exe.
        Cmd = "cmd",
        /// The Bourne Again Shell.
        Bash = "bash",
        /// The Z shell.
        Zsh = "zsh",
        /// Any shell of POSIX.
        Sh = "sh",
        /// A remote shell.
        Ssh = "ssh",
        /// A database.
        Sql = "sql",
        /// Anything else.
        Other = "other",
    }
}

enumeration! {
    /// Why a command failed, roughly.
    pub enum FailureCategory {
        /// The command, or what it was given, is not there in this version.
        Compatibility = "compatibility",
        /// Something that it needs is missing.
        Dependency = "dependency",
        /// It is not written as it must be.
        Syntax = "syntax",
        /// The machine is not as it should be.
        Environment = "environment",
        /// Names, connections, certificates.
        Network = "network",
        /// Rights and credentials.
        Permission = "permission",
        /// It took too long.
        Timeout = "timeout",
        /// Anything else.
        Other = "other",
    }
}

enumeration! {
    /// What commands can be sorted by.
    pub enum CommandSort {
        /// By the instant at which they were run.
        ExecutedAt = "executed_at",
        /// By the instant at which they were entered.
        CreatedAt = "created_at",
    }
}

impl SortField for CommandSort {
    const DEFAULT: (Self, Direction) = (Self::ExecutedAt, Direction::Descending);
}

/// Where a command is run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The session's client.
    pub client_id: Option<Uuid>,
    /// The asset.
    pub infrastructure_id: Option<Uuid>,
    /// The name of the host.
    pub host: Option<String>,
    /// The operating system.
    pub os: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// The version of the shell.
    pub shell_version: Option<String>,
}

/// A command that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its id.
    pub id: Id<Self>,
    /// The session in which it was run.
    pub session_id: Uuid,
    /// The work item for which it was run.
    pub work_item_id: Option<Uuid>,
    /// The session's client.
    pub client_id: Option<Uuid>,
    /// The asset on which it was run.
    pub infrastructure_id: Option<Uuid>,
    /// The name of the host.
    pub host: Option<String>,
    /// The operating system, as it was then.
    pub os: Option<String>,
    /// Its version, as it was then.
    pub os_version: Option<String>,
    /// The version of the shell, as it was then.
    pub shell_version: Option<String>,
    /// What it was run by.
    pub shell_type: Option<ShellType>,
    /// The command line, without secrets.
    pub command_text: String,
    /// Whether it did what it was to do.
    pub success: bool,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// What it said of its failure, without secrets.
    pub error_message: Option<String>,
    /// Part of what it printed, without secrets.
    pub output_excerpt: Option<String>,
    /// Why it failed; set by the analysis unless given.
    pub failure_category: Option<FailureCategory>,
    /// How long it ran, in milliseconds.
    pub duration_ms: Option<i64>,
    /// When it was run.
    pub executed_at: Timestamp,
    /// What was called.
    pub verb: String,
    /// What it was meant to do.
    pub intent: String,
    /// Whether the analysis has seen it.
    pub is_analysed: bool,
    /// The pattern of its failure, once it is known.
    pub pattern_id: Option<Id<FailurePattern>>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// Counts its changes.
    pub revision: i64,
}

impl Entity for Command {
    const TYPE: &'static str = "command";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

impl Keyed<CommandSort> for Command {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: CommandSort) -> SortKey {
        match field {
            CommandSort::ExecutedAt => self.executed_at.into(),
            CommandSort::CreatedAt => self.created_at.into(),
        }
    }
}

/// What a request says of a command.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Command")]
pub struct CommandFields {
    pub session_id: Option<Uuid>,
    pub work_item_id: Option<Uuid>,
    pub infrastructure_id: Option<Uuid>,
    pub host: Option<String>,
    pub shell_type: Option<ShellType>,
    pub command_text: Option<String>,
    pub success: Option<bool>,
    pub exit_code: Option<i32>,
    pub error_message: Option<String>,
    pub output_excerpt: Option<String>,
    pub failure_category: Option<FailureCategory>,
    pub duration_ms: Option<i64>,
    pub executed_at: Option<Timestamp>,
}

/// A command whose fields are sound, before it is known where it was run.
#[derive(Debug)]
pub struct CommandDraft(Command);

/// What the answer to a new command says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandLogged {
    /// The command.
    pub id: Id<Command>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// Whether it is a failure that will be analysed.
    pub failure_logged: bool,
}

impl Command {
    /// A new command, its secrets taken out; refused with every fault of `fields` at once.
    pub fn draft(id: Id<Self>, fields: CommandFields, now: Timestamp) -> Result<CommandDraft> {
        let mut faults = Faults::default();
        let block = |faults: &mut Faults, field: &str, value: Option<String>| {
            let value = value.filter(|value| !value.trim().is_empty())?;
            // Taking out secrets can lengthen a text; what is stored has the bound of every other text.
            text::block(faults, field, &value, text::BLOCK)
                .map(|value| redact(&value).chars().take(text::BLOCK).collect())
        };
        let session_id = faults.required("session_id", fields.session_id);
        let success = faults.required("success", fields.success);
        let command_text: Option<String> = block(&mut faults, "command_text", fields.command_text);
        let command_text = faults.required("command_text", command_text);
        let host = fields.host.filter(|host| !host.trim().is_empty());
        let host = host.and_then(|host| text::line(&mut faults, "host", &host, text::LINE));
        let error_message = block(&mut faults, "error_message", fields.error_message);
        let output_excerpt = block(&mut faults, "output_excerpt", fields.output_excerpt);
        if fields.duration_ms.is_some_and(|duration| duration < 0) {
            faults.schema("duration_ms", "range", "must not be negative");
        }
        if success == Some(true) && fields.failure_category.is_some() {
            faults.semantic("failure_category", "failure", "belongs to a command that failed");
        }
        faults.finish()?;
        let command_text = command_text.unwrap_or_default();
        let call = first_call(&command_text, fields.shell_type).unwrap_or_default();
        Ok(CommandDraft(Self {
            id,
            session_id: session_id.unwrap_or_default(),
            work_item_id: fields.work_item_id,
            client_id: None,
            infrastructure_id: fields.infrastructure_id,
            host,
            os: None,
            os_version: None,
            shell_version: None,
            shell_type: fields.shell_type,
            success: success.unwrap_or_default(),
            exit_code: fields.exit_code,
            error_message,
            output_excerpt,
            failure_category: fields.failure_category,
            duration_ms: fields.duration_ms,
            executed_at: fields.executed_at.unwrap_or(now),
            verb: call.verb.chars().take(120).collect(),
            intent: intent(&call).chars().take(120).collect(),
            is_analysed: false,
            pattern_id: None,
            created_at: now,
            revision: 1,
            command_text,
        }))
    }

    /// What `q` searches: command and error.
    pub fn search_key(&self) -> String {
        text::search_key([Some(self.command_text.as_str()), self.error_message.as_deref()])
    }

    /// The host in the form in which it is compared; empty when it is not known.
    pub fn host_key(&self) -> String {
        self.host.as_deref().map(text::fold).unwrap_or_default()
    }
}

impl CommandDraft {
    /// The session, work item and asset that the command names, and the host, folded.
    pub fn place(&self) -> (Uuid, Option<Uuid>, Option<Uuid>, Option<String>) {
        (self.0.session_id, self.0.work_item_id, self.0.infrastructure_id, self.0.host.as_deref().map(text::fold))
    }

    /// The command at its place: that of the session's client and, if known, of an asset.
    pub fn finish(mut self, client_id: Option<Uuid>, asset: Option<Asset>) -> Command {
        let is_powershell = self.0.shell_type == Some(ShellType::Powershell);
        self.0.client_id = client_id.or(asset.as_ref().map(|asset| asset.client_id));
        if let Some(asset) = asset {
            self.0.infrastructure_id = Some(asset.id.uuid());
            self.0.host.get_or_insert(asset.hostname);
            self.0.os = asset.os;
            self.0.os_version = asset.os_version;
            self.0.shell_version = asset.powershell_version.filter(|_| is_powershell);
        }
        self.0
    }
}

/// Which commands to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Command")]
pub struct CommandFilter {
    pub session_id: Option<Uuid>,
    pub work_item_id: Option<Uuid>,
    /// Substring of the host.
    pub host: Option<String>,
    /// The session's client.
    pub client_id: Option<Uuid>,
    pub success: Option<bool>,
    pub failure_category: Option<FailureCategory>,
    /// The first day (UTC) on which they were run.
    pub date_from: Option<chrono::NaiveDate>,
    /// The last day (UTC) on which they were run.
    pub date_to: Option<chrono::NaiveDate>,
    /// Substring of [`Command::search_key`].
    pub q: Option<String>,
}

impl CommandFilter {
    /// The instants between which the days asked for lie, the second excluded.
    pub fn span(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let end = self.date_to.map(|day| day.succ_opt().unwrap_or(day));
        (self.date_from.map(Timestamp::midnight), end.map(Timestamp::midnight))
    }

    /// Whether `command` is to be listed.
    pub fn admits(&self, command: &Command) -> bool {
        let (from, to) = self.span();
        self.session_id.is_none_or(|wanted| wanted == command.session_id)
            && self.work_item_id.is_none_or(|wanted| Some(wanted) == command.work_item_id)
            && self.host.as_deref().is_none_or(|part| command.host_key().contains(&text::fold(part)))
            && self.client_id.is_none_or(|wanted| Some(wanted) == command.client_id)
            && self.success.is_none_or(|wanted| wanted == command.success)
            && self.failure_category.is_none_or(|wanted| Some(wanted) == command.failure_category)
            && from.is_none_or(|from| command.executed_at >= from)
            && to.is_none_or(|to| command.executed_at < to)
            && self.q.as_deref().is_none_or(|q| command.search_key().contains(&text::fold(q)))
    }
}
