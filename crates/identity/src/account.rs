//! Accounts: an e-mail address with a password and a set of scopes.

use claudetools_kernel::{
    Direction, Entity, Faults, Id, Keyed, Result, Scope, Scopes, SortField, SortKey, Timestamp, enumeration, text,
};
use uuid::Uuid;

enumeration! {
    /// What accounts can be sorted by.
    pub enum AccountSort {
        /// By address, whatever its case.
        Email = "email",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for AccountSort {
    const DEFAULT: (Self, Direction) = (Self::Email, Direction::Ascending);
}

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: Id<Self>,
    /// The address, as entered; the `sub` of its tokens.
    pub email: String,
    /// The address folded ([`email_key`]): unique, and what `q` searches.
    pub email_key: String,
    /// The hash of the password: a PHC string, or a bcrypt hash of the first generation until the next log-in.
    pub password_hash: String,
    /// What its tokens allow.
    pub scopes: Scopes,
    /// Whether it may log in.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its address, scopes, state or password last changed. No token issued before counts on the present state.
    pub updated_at: Timestamp,
    /// When it last logged in with its password.
    pub last_login_at: Option<Timestamp>,
    /// When the password was last set.
    pub password_changed_at: Timestamp,
    /// Counts its changes (log-ins are none); the basis of `ETag`.
    pub revision: i64,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the hash: whoever reads a log could try passwords on it.
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("email", &self.email)
            .field("scopes", &self.scopes)
            .field("is_active", &self.is_active)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl Entity for Account {
    const TYPE: &'static str = "account";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

impl Keyed<AccountSort> for Account {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: AccountSort) -> SortKey {
        match field {
            AccountSort::Email => SortKey::Text(self.email_key.clone()),
            AccountSort::CreatedAt => self.created_at.into(),
            AccountSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

/// What a request says of an account: what a create needs, or the part that an update changes.
#[derive(Debug, Clone, Default)]
pub struct AccountFields {
    /// Required by a create.
    pub email: Option<String>,
    /// `msp:read` alone unless given.
    pub scopes: Option<Vec<Scope>>,
    /// `true` unless given.
    pub is_active: Option<bool>,
}

/// The form in which addresses are compared: without blanks around, NFC, lower case.
pub fn email_key(email: &str) -> String {
    text::fold(email.trim())
}

impl Account {
    /// A new account; refused with every fault of `fields` at once.
    pub fn new(id: Id<Self>, fields: AccountFields, password_hash: String, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        faults.require_all(&[("email", fields.email.is_some())]);
        let mut account = Self {
            id,
            email: String::new(),
            email_key: String::new(),
            password_hash,
            scopes: Scopes::up_to(Scope::Read),
            is_active: true,
            created_at: now,
            updated_at: now,
            last_login_at: None,
            password_changed_at: now,
            revision: 1,
        };
        account.apply(fields, &mut faults);
        faults.finish()?;
        Ok(account)
    }

    /// The account with `fields` changed; refused with every fault at once.
    pub fn change(mut self, fields: AccountFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        self.apply(fields, &mut faults);
        faults.finish()?;
        self.updated_at = now;
        self.revision += 1;
        Ok(self)
    }

    /// The account with another password.
    #[must_use]
    pub fn with_password(mut self, password_hash: String, now: Timestamp) -> Self {
        self.password_hash = password_hash;
        self.password_changed_at = now;
        self.updated_at = now;
        self.revision += 1;
        self
    }

    fn apply(&mut self, fields: AccountFields, faults: &mut Faults) {
        if let Some(email) = fields.email.and_then(|email| check_email(faults, "email", &email)) {
            self.email_key = email_key(&email);
            self.email = email;
        }
        if let Some(scopes) = fields.scopes {
            match Scopes::from_list(&scopes) {
                Some(scopes) => self.scopes = scopes,
                None => faults.schema("scopes", "min_items", "must name at least one scope"),
            }
        }
        self.is_active = fields.is_active.unwrap_or(self.is_active);
    }

    /// Whether it can manage other accounts now; the last of these can be neither removed nor demoted.
    pub fn is_active_admin(&self) -> bool {
        self.is_active && self.scopes.allow(Scope::Admin)
    }
}

impl AccountFields {
    /// Everything wrong with the fields of a create, beside other checks of the same request.
    pub fn faults_of_new(&self) -> Faults {
        let mut faults = Faults::default();
        faults.require_all(&[("email", self.email.is_some())]);
        if let Some(email) = &self.email {
            check_email(&mut faults, "email", email);
        }
        if self.scopes.as_ref().is_some_and(Vec::is_empty) {
            faults.schema("scopes", "min_items", "must name at least one scope");
        }
        faults
    }

    /// Whether they may take the administrator's rights away from an account that has them.
    pub(crate) fn may_demote(&self) -> bool {
        let lowers = |scopes: &Vec<Scope>| !scopes.contains(&Scope::Admin);
        self.is_active == Some(false) || self.scopes.as_ref().is_some_and(lowers)
    }
}

/// An e-mail address, checked for its form only: one `@`, something on each side, no blanks, at most 254 characters.
fn check_email(faults: &mut Faults, field: &str, value: &str) -> Option<String> {
    let address = text::email(faults, field, value)?;
    fitting_key(faults, field, &address).map(|_| address)
}

/// The key of an address. Folding can lengthen a text; the folded one is what is indexed.
pub(crate) fn fitting_key(faults: &mut Faults, field: &str, address: &str) -> Option<String> {
    let key = email_key(address);
    let fits = key.chars().count() <= text::EMAIL;
    if !fits {
        faults.schema(field, "max_length", &format!("must have at most {} characters", text::EMAIL));
    }
    fits.then_some(key)
}

/// Which accounts to list; conditions combine with AND.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Substring of the address, whatever its case.
    pub q: Option<String>,
    /// Whether it may log in.
    pub is_active: Option<bool>,
    /// Only those that hold this scope, be it by a higher one.
    pub scope: Option<Scope>,
}

impl AccountFilter {
    /// Whether `account` is to be listed.
    pub fn admits(&self, account: &Account) -> bool {
        self.q.as_deref().is_none_or(|q| account.email_key.contains(&text::fold(q)))
            && self.is_active.is_none_or(|wanted| wanted == account.is_active)
            && self.scope.is_none_or(|scope| account.scopes.allow(scope))
    }
}

#[cfg(test)]
mod tests {
    use claudetools_kernel::Error;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000).unwrap();

    fn make(fields: AccountFields) -> Result<Account> {
        Account::new(Id::new(Uuid::nil()), fields, "hash".into(), NOW)
    }

    fn email(address: &str) -> AccountFields {
        AccountFields { email: Some(address.into()), ..AccountFields::default() }
    }

    #[test]
    fn a_new_account_is_active_and_may_only_read() {
        let account = make(email(" Jo@Example.com ")).unwrap();
        assert_eq!((account.email.as_str(), account.email_key.as_str()), ("Jo@Example.com", "jo@example.com"));
        assert!(account.is_active && account.scopes == Scopes::up_to(Scope::Read) && account.revision == 1);
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let Err(Error::Invalid(faults)) = make(AccountFields { scopes: Some(vec![]), ..AccountFields::default() })
        else {
            panic!("refused");
        };
        let fields: Vec<&str> = faults.list().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["email", "scopes"]);
        let same = AccountFields { scopes: Some(vec![]), ..AccountFields::default() }.faults_of_new();
        assert_eq!(same, faults);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["jo", "@x", "jo@", "a@b@c", "j o@x", "jo@x\n@"] {
            assert!(make(email(bad)).is_err(), "{bad:?}");
        }
        // Folding can lengthen a text; the folded one is what is indexed.
        assert!(make(email(&format!("{}@x", "\u{130}".repeat(200)))).is_err());
    }

    #[test]
    fn only_what_takes_rights_away_may_demote() {
        let fields = AccountFields { scopes: Some(vec![Scope::Write]), ..AccountFields::default() };
        assert!(fields.may_demote());
        assert!(AccountFields { is_active: Some(false), ..AccountFields::default() }.may_demote());
        assert!(!AccountFields { scopes: Some(vec![Scope::Admin]), ..email("a@b") }.may_demote());
    }

    #[test]
    fn the_hash_does_not_show_in_a_debug_text() {
        let account = Account::new(Id::new(Uuid::nil()), email("a@b"), "$argon2id$secret".into(), NOW).unwrap();
        assert!(!format!("{account:?}").contains("secret"));
    }
}
