//! The closed list of what the audit log tells about.

use super::words;

/// What happened. The dotted names are stable: filters, exports and alarms rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Somebody made the own account, and was signed in with it.
    AccountSignedUp,
    /// An account was made by an administrator or the operator.
    AccountMade,
    /// Something of an account besides its role.
    AccountChanged,
    /// What somebody may do at large.
    AccountRoleChanged,
    /// An account was switched off.
    AccountDeactivated,
    /// And on again.
    AccountReactivated,
    /// With all that belongs to it.
    AccountDeleted,
    /// Accounts from a list.
    AccountImported,
    /// A sign-in.
    SessionStarted,
    /// A sign-in that did not work.
    SessionRefused,
    /// A sign-out, or one session ended from elsewhere.
    SessionEnded,
    /// All sessions of a person.
    SessionEndedAll,
    /// The owner of a session proved to be there.
    SessionConfirmed,
    /// And did not.
    SessionConfirmRefused,
    /// By its owner.
    PasswordChanged,
    /// By an administrator or the operator.
    PasswordReset,
    /// Name or picture, by their owner.
    ProfileChanged,
    /// A second factor.
    FactorAdded,
    /// A second factor.
    FactorRemoved,
    /// A code that did not fit.
    FactorRefused,
    /// New ones; the old ones are void.
    RecoveryCodesMade,
    /// A passkey.
    PasskeyAdded,
    /// Its name.
    PasskeyChanged,
    /// A passkey.
    PasskeyRemoved,
    /// A key of a person.
    ApiKeyMade,
    /// A key of a person.
    ApiKeyChanged,
    /// A key of a person, for ever.
    ApiKeyRevoked,
    /// A group of people.
    GroupMade,
    /// Name or rights of a group.
    GroupChanged,
    /// A group of people.
    GroupDeleted,
    /// Who is in a group.
    GroupMembersChanged,
    /// What people may do by default.
    PermissionsChanged,
    /// Who may use or change one thing.
    GrantsChanged,
    /// Stored settings.
    SettingsChanged,
    /// A connection to a provider.
    ConnectionMade,
    /// A connection to a provider.
    ConnectionChanged,
    /// A connection to a provider.
    ConnectionDeleted,
    /// Which connection goes before which.
    ConnectionOrdered,
    /// A provider was asked on an administrator's behalf.
    ConnectionTested,
    /// A provider's list of models was fetched on an administrator's behalf.
    ConnectionRefreshed,
    /// Name, price or visibility of a model.
    ModelChanged,
    /// A virtual key.
    VirtualKeyMade,
    /// A virtual key.
    VirtualKeyChanged,
    /// Until somebody unblocks it.
    VirtualKeyBlocked,
    /// It works again.
    VirtualKeyUnblocked,
    /// For ever.
    VirtualKeyRevoked,
    /// A chat began, was copied or imported.
    ChatMade,
    /// Name, place, branch or messages of a chat.
    ChatChanged,
    /// A chat with its messages.
    ChatDeleted,
    /// All chats of a person.
    ChatDeletedAll,
    /// A copy that others may read.
    ChatShared,
    /// The copy is gone.
    ChatUnshared,
    /// An administrator read somebody's chat.
    ChatReadByAdmin,
    /// A question was asked.
    TurnStarted,
    /// An answer was stopped by its reader.
    TurnStopped,
    /// An administrator read personal data.
    DataRead,
    /// Data left as a file.
    DataExported,
    /// A request that the policy refused.
    AccessDenied,
    /// A batch of rows of the usage ledger.
    UsageRecorded,
    /// A request that a provider answered unseen.
    ProviderPassthrough,
    /// The audit log left as a file.
    AuditExported,
    /// The audit log was verified.
    AuditChecked,
    /// With which audit settings.
    ServerStarted,
    /// In order.
    ServerStopped,
    /// Root secrets were replaced.
    SecretsRotated,
    /// The schema was brought up to date.
    MigrationRun,
}

impl Event {
    /// Whether an operator's lists of paths may keep it out of the log: what people do with chats and answers, and
    /// mere readings. All else is recorded always: sign-ins, denials, accounts, credentials, rights, keys,
    /// connections, settings, and the log itself.
    pub const fn may_be_left_out(self) -> bool {
        matches!(
            self,
            Self::ChatMade
                | Self::ChatChanged
                | Self::ChatDeleted
                | Self::ChatDeletedAll
                | Self::TurnStarted
                | Self::TurnStopped
                | Self::DataRead
        )
    }
}

words!(Event {
    AccountSignedUp = "account.signed_up",
    AccountMade = "account.made",
    AccountChanged = "account.changed",
    AccountRoleChanged = "account.role_changed",
    AccountDeactivated = "account.deactivated",
    AccountReactivated = "account.reactivated",
    AccountDeleted = "account.deleted",
    AccountImported = "account.imported",
    SessionStarted = "session.started",
    SessionRefused = "session.refused",
    SessionEnded = "session.ended",
    SessionEndedAll = "session.ended_all",
    SessionConfirmed = "session.confirmed",
    SessionConfirmRefused = "session.confirm_refused",
    PasswordChanged = "password.changed",
    PasswordReset = "password.reset",
    ProfileChanged = "profile.changed",
    FactorAdded = "factor.added",
    FactorRemoved = "factor.removed",
    FactorRefused = "factor.refused",
    RecoveryCodesMade = "recovery_codes.made",
    PasskeyAdded = "passkey.added",
    PasskeyChanged = "passkey.changed",
    PasskeyRemoved = "passkey.removed",
    ApiKeyMade = "api_key.made",
    ApiKeyChanged = "api_key.changed",
    ApiKeyRevoked = "api_key.revoked",
    GroupMade = "group.made",
    GroupChanged = "group.changed",
    GroupDeleted = "group.deleted",
    GroupMembersChanged = "group.members_changed",
    PermissionsChanged = "permissions.changed",
    GrantsChanged = "grants.changed",
    SettingsChanged = "settings.changed",
    ConnectionMade = "connection.made",
    ConnectionChanged = "connection.changed",
    ConnectionDeleted = "connection.deleted",
    ConnectionOrdered = "connection.ordered",
    ConnectionTested = "connection.tested",
    ConnectionRefreshed = "connection.refreshed",
    ModelChanged = "model.changed",
    VirtualKeyMade = "virtual_key.made",
    VirtualKeyChanged = "virtual_key.changed",
    VirtualKeyBlocked = "virtual_key.blocked",
    VirtualKeyUnblocked = "virtual_key.unblocked",
    VirtualKeyRevoked = "virtual_key.revoked",
    ChatMade = "chat.made",
    ChatChanged = "chat.changed",
    ChatDeleted = "chat.deleted",
    ChatDeletedAll = "chat.deleted_all",
    ChatShared = "chat.shared",
    ChatUnshared = "chat.unshared",
    ChatReadByAdmin = "chat.read_by_admin",
    TurnStarted = "turn.started",
    TurnStopped = "turn.stopped",
    DataRead = "data.read",
    DataExported = "data.exported",
    AccessDenied = "access.denied",
    UsageRecorded = "usage.recorded",
    ProviderPassthrough = "provider.passthrough",
    AuditExported = "audit.exported",
    AuditChecked = "audit.checked",
    ServerStarted = "server.started",
    ServerStopped = "server.stopped",
    SecretsRotated = "secrets.rotated",
    MigrationRun = "migration.run",
});
