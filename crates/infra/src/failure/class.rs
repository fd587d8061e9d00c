//! Kinds of failures.

use claudetools_kernel::enumeration;

use super::{FailureCategory, PatternType, Severity};

enumeration! {
    /// What went wrong, as finely as known wordings tell it apart.
    pub enum FailureClass {
        /// No such command.
        CommandNotFound = "command_not_found",
        /// No such option, parameter or sub-command.
        UnknownOption = "unknown_option",
        /// A value that a parameter does not take.
        InvalidArgument = "invalid_argument",
        /// A module, library or class is missing.
        ModuleMissing = "module_missing",
        /// A package cannot be had.
        PackageMissing = "package_missing",
        /// Scripts may not run.
        ExecutionPolicy = "execution_policy",
        /// It wants more rights of the machine: root, administrator.
        Elevation = "elevation",
        /// Access is denied.
        Permission = "permission",
        /// The credentials are not accepted.
        Credentials = "credentials",
        /// The account is locked, disabled or expired.
        Account = "account",
        /// A host's key is not the one known.
        HostKey = "host_key",
        /// No such file or directory.
        PathNotFound = "path_not_found",
        /// No such object: service, container, table, user.
        ObjectNotFound = "object_not_found",
        /// It is there already.
        AlreadyExists = "already_exists",
        /// It cannot be read as what it should be.
        Syntax = "syntax",
        /// A name cannot be resolved.
        Dns = "dns",
        /// Nobody listens.
        ConnectionRefused = "connection_refused",
        /// No way there.
        Unreachable = "unreachable",
        /// The other side hung up.
        ConnectionLost = "connection_lost",
        /// The port is taken.
        PortTaken = "port_taken",
        /// Certificates and protocols of TLS.
        Tls = "tls",
        /// A refusal with a status of HTTP.
        HttpStatus = "http_status",
        /// It took too long.
        Timeout = "timeout",
        /// No room on a disk.
        DiskFull = "disk_full",
        /// The file system takes no changes.
        ReadOnly = "read_only",
        /// Somebody else holds a lock.
        Locked = "locked",
        /// It is in use.
        InUse = "in_use",
        /// No memory left.
        Memory = "memory",
        /// Text in another encoding.
        Encoding = "encoding",
        /// Versions or architectures do not fit.
        Version = "version",
        /// It cannot do that.
        Unsupported = "unsupported",
        /// A service does not start or run.
        Service = "service",
        /// A service or daemon cannot be reached because it does not run.
        Down = "down",
        /// The state of a repository, a merge, a package or a transaction forbids it.
        State = "state",
        /// A rule of the data forbids it.
        Constraint = "constraint",
        /// A limit of use.
        Limit = "limit",
        /// Settings are missing or wrong.
        Configuration = "configuration",
        /// Data are damaged.
        Corrupt = "corrupt",
        /// Anything else.
        Other = "other",
    }
}

impl FailureClass {
    /// The category of a command that failed so.
    pub const fn category(self) -> FailureCategory {
        match self {
            Self::CommandNotFound | Self::UnknownOption | Self::Version | Self::Unsupported | Self::Encoding => {
                FailureCategory::Compatibility
            }
            Self::ModuleMissing | Self::PackageMissing | Self::Service | Self::Down => FailureCategory::Dependency,
            Self::Syntax | Self::InvalidArgument => FailureCategory::Syntax,
            Self::Permission
            | Self::Elevation
            | Self::ExecutionPolicy
            | Self::Credentials
            | Self::Account
            | Self::HostKey => FailureCategory::Permission,
            Self::Dns
            | Self::ConnectionRefused
            | Self::Unreachable
            | Self::ConnectionLost
            | Self::Tls
            | Self::HttpStatus => FailureCategory::Network,
            Self::Timeout => FailureCategory::Timeout,
            Self::PathNotFound
            | Self::ObjectNotFound
            | Self::AlreadyExists
            | Self::PortTaken
            | Self::DiskFull
            | Self::ReadOnly
            | Self::Locked
            | Self::InUse
            | Self::Memory
            | Self::Limit
            | Self::Configuration => FailureCategory::Environment,
            Self::State | Self::Constraint | Self::Corrupt | Self::Other => FailureCategory::Other,
        }
    }

    /// The type of a pattern of such failures.
    pub const fn pattern_type(self) -> PatternType {
        match self {
            Self::CommandNotFound | Self::UnknownOption | Self::Unsupported => PatternType::CommandCompatibility,
            Self::Version => PatternType::VersionMismatch,
            Self::Permission
            | Self::Elevation
            | Self::ExecutionPolicy
            | Self::Credentials
            | Self::Account
            | Self::HostKey => PatternType::PermissionDenied,
            Self::Service | Self::Down => PatternType::ServiceUnavailable,
            Self::Configuration
            | Self::ModuleMissing
            | Self::PackageMissing
            | Self::Syntax
            | Self::InvalidArgument
            | Self::Encoding => PatternType::ConfigurationError,
            Self::DiskFull
            | Self::ReadOnly
            | Self::Locked
            | Self::InUse
            | Self::Memory
            | Self::Limit
            | Self::PortTaken => PatternType::EnvironmentalLimitation,
            Self::Dns
            | Self::ConnectionRefused
            | Self::Unreachable
            | Self::ConnectionLost
            | Self::Tls
            | Self::HttpStatus => PatternType::Network,
            Self::Timeout => PatternType::Timeout,
            Self::PathNotFound
            | Self::ObjectNotFound
            | Self::AlreadyExists
            | Self::State
            | Self::Constraint
            | Self::Corrupt
            | Self::Other => PatternType::Other,
        }
    }

    /// How much such a failure holds up.
    pub const fn severity(self) -> Severity {
        match self {
            Self::CommandNotFound | Self::UnknownOption | Self::ModuleMissing | Self::Unsupported | Self::Version => {
                Severity::Blocking
            }
            Self::Syntax | Self::InvalidArgument | Self::PathNotFound | Self::AlreadyExists | Self::Other => {
                Severity::Minor
            }
            _ => Severity::Major,
        }
    }
}

enumeration! {
    /// Where a wording comes from.
    pub enum Family {
        /// `PowerShell` and .NET.
        PowerShell = "powershell",
        /// cmd.exe and the programs of Windows.
        Cmd = "cmd",
        /// Shells and tools of Unix.
        Bash = "bash",
        /// OpenSSH.
        Ssh = "ssh",
        /// systemd and services.
        Systemctl = "systemctl",
        /// apt and dpkg.
        Apt = "apt",
        /// Containers.
        Docker = "docker",
        /// Git.
        Git = "git",
        /// Databases.
        Sql = "sql",
        /// Names, connections, certificates.
        Network = "network",
        /// Languages and their packages.
        Language = "language",
        /// What every program may say.
        General = "general",
    }
}
