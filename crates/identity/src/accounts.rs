//! What administrators and the operator do with accounts.

use std::sync::Arc;

use kernel::{
    Caller, Email, ManageUsers, Permit, Refusal, Role, Secret, SessionId, UseWorkspace, User, UserId, Who,
};
use store::{
    Page, sessions,
    users::{self, Changed, Filter, Order, Removed, Sorting, Standing, UserChange, Within},
};

use crate::{
    Identity, NewAccount,
    error::{IdentityError, while_making},
    form,
    provision::{Applicant, Door},
};

/// Accounts of one page, as Open WebUI cuts them.
const PAGE: u32 = 30;

/// Whom people who wait may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The name of the first administrator.
    pub name: String,
    /// The address of the first administrator, or the one of `ADMIN_EMAIL`.
    pub email: Email,
}

/// What becomes different; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct AccountChange<'a> {
    /// What the person may do, from the next request on. A lower role ends all sessions.
    pub role: Option<Role>,
    /// As shown to others; 1 to 100 characters.
    pub name: Option<&'a str>,
    /// In any spelling.
    pub email: Option<&'a str>,
    /// A data URL or a path on this server; empty for none.
    pub profile_image_url: Option<&'a str>,
    /// A new one; all sessions end.
    pub password: Option<Secret<String>>,
    /// Whether the person may sign in. Who may not has no session, and no virtual key that works.
    pub standing: Option<Standing>,
}

impl Identity {
    /// Makes the administrator that the environment names (`WEBUI_ADMIN_EMAIL`, `_PASSWORD`, `_NAME`), if
    /// nobody has an account yet; `None` when somebody has or none is named. The password must be a good
    /// one, as everybody's; a refusal names the variable.
    pub async fn ensure_admin(&self) -> Result<Option<User>, Refusal> {
        // A clone, because a guard must not be held while waiting.
        let loaded = Arc::clone(&self.0.settings.load());
        let settings = &loaded.settings;
        let (email, password) = (&settings.webui_admin_email.value, &settings.webui_admin_password.value);
        let (Some(email), Some(password)) = (email, password) else { return Ok(None) };
        if self.has_accounts().await? {
            return Ok(None);
        }
        let form = NewAccount {
            name: &settings.webui_admin_name.value,
            email: email.as_str(),
            password: password.clone(),
            profile_image_url: "",
        };
        let checked = form.check(&self.password_rules()).map_err(naming_the_variable)?;
        let applicant = self.applicant(checked).await?;
        match self.provision(applicant, Door::Operator, &Caller::operator()).await {
            Ok(user) => Ok(Some(user)),
            // Another process was faster.
            Err(refusal) if refusal.code == "signup_closed" => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Makes an account with this role. Whoever is the first account administrates and closes sign-up, here too.
    pub async fn create(
        &self,
        form: NewAccount<'_>,
        role: Role,
        permit: &Permit<ManageUsers>,
    ) -> Result<User, Refusal> {
        let applicant = self.applicant(form.check(&self.password_rules())?).await?;
        // Only the command line finds a house without accounts: whoever administrates has one.
        if *permit.by().who() == Who::Operator {
            match self.provision(applicant.clone(), Door::Operator, permit.by()).await {
                Err(refusal) if refusal.code == "signup_closed" => {}
                first => return first,
            }
        }
        let user = self.account_of(applicant, role);
        let group = self.default_group();
        users::insert(&self.0.db, &user, group.as_ref(), permit).await.map_err(while_making)?;
        self.take_in(&user).await;
        Ok(user)
    }

    /// An account as it is made by somebody who may decide its role.
    pub(crate) fn account_of(&self, applicant: Applicant, role: Role) -> User {
        let now = self.0.world.now();
        User {
            id: UserId::new(&self.0.world),
            email: applicant.email,
            name: applicant.name,
            role,
            profile_image_url: applicant.profile_image_url,
            password: applicant.password,
            created_at: now,
            updated_at: now,
            last_active_at: None,
            deactivated_at: None,
        }
    }

    /// One page of the accounts, 30 a page, and how many there are in all.
    pub async fn users(
        &self,
        filter: Filter<'_>,
        order: (Order, Sorting),
        page: u32,
        _: &Permit<ManageUsers>,
    ) -> Result<(Vec<User>, u64), Refusal> {
        Ok(users::list(&self.0.db, filter, order, Page::new(page, PAGE)).await?)
    }

    /// All accounts, oldest first.
    pub async fn all_users(&self, _: &Permit<ManageUsers>) -> Result<Vec<User>, Refusal> {
        const MANY: u32 = 1000;
        let mut all = Vec::new();
        for page in 1.. {
            let page = Page::new(page, MANY);
            let (found, total) = users::list(&self.0.db, Filter::default(), Default::default(), page).await?;
            let was_last = found.is_empty();
            all.extend(found);
            if was_last || all.len() as u64 >= total {
                break;
            }
        }
        Ok(all)
    }

    /// People whose name contains the text, for those who share something with them; 30 a page. Who may not sign in
    /// and who waits are not among them.
    pub async fn colleagues(
        &self,
        text: Option<&str>,
        within: Within,
        page: u32,
        _: &Permit<UseWorkspace>,
    ) -> Result<(Vec<User>, u64), Refusal> {
        let filter = Filter { text, within, standing: Some(Standing::Active), ..Filter::default() };
        let order = (Order::Name, Sorting::Ascending);
        Ok(users::list(&self.0.db, filter, order, Page::new(page, PAGE)).await?)
    }

    /// One account.
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, Refusal> {
        Ok(users::by_id(&self.0.db, id).await?)
    }

    /// One account by its address in any spelling.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, Refusal> {
        let email = Email::parse(email).map_err(IdentityError::from)?;
        Ok(users::by_email(&self.0.db, &email).await?)
    }

    /// Whom people who wait may ask; `None` when the operator does not show it (`SHOW_ADMIN_DETAILS`).
    pub async fn contact(&self) -> Result<Option<Contact>, Refusal> {
        if !self.0.settings.load().settings.show_admin_details.value {
            return Ok(None);
        }
        let admin = users::first_admin(&self.0.db).await?;
        let named = self.0.settings.load().settings.admin_email.value.clone();
        Ok(admin.map(|user| Contact { name: user.name, email: named.unwrap_or(user.email) }))
    }

    /// Changes an account; nothing when any part is refused. Refuses with `last_admin` what would leave nobody who
    /// can sign in and administrate.
    pub async fn change(
        &self,
        id: &UserId,
        change: AccountChange<'_>,
        permit: &Permit<ManageUsers>,
    ) -> Result<User, Refusal> {
        let user = self.user(id).await?.ok_or(IdentityError::NoSuchAccount)?;
        let name = change.name.map(form::name).transpose()?;
        let email = change.email.map(Email::parse).transpose().map_err(IdentityError::from)?;
        let profile_image_url = change.profile_image_url.map(form::picture).transpose()?;
        let password = match change.password {
            Some(password) => {
                let (name, email) =
                    (name.as_ref().unwrap_or(&user.name), email.as_ref().unwrap_or(&user.email));
                Some(self.new_password(password, name, email).await?)
            }
            None => None,
        };
        let (role, standing) = (change.role, change.standing);
        let change = UserChange { role, name, email, profile_image_url, password, standing };
        let outcome = users::change(&self.0.db, id, change, self.0.world.now(), permit).await;
        // Also when the database failed: the next request then asks it again.
        self.0.living.forget_person(id);
        match outcome.map_err(while_making)? {
            Changed::Done(user) => {
                tracing::info!(user.id = %user.id, user.role = user.role.as_str(), "an account was changed");
                Ok(user)
            }
            Changed::LastAdmin => Err(IdentityError::LastAdmin.into()),
            Changed::Missing => Err(IdentityError::NoSuchAccount.into()),
        }
    }

    /// Sets a new password and ends every session of the account.
    pub async fn reset_password(
        &self,
        id: &UserId,
        password: Secret<String>,
        permit: &Permit<ManageUsers>,
    ) -> Result<(), Refusal> {
        let change = AccountChange { password: Some(password), ..AccountChange::default() };
        self.change(id, change, permit).await.map(drop)
    }

    /// Removes an account with its sessions and chats; its virtual keys are blocked. Refuses with `last_admin`, or
    /// with `own_account` when it is the caller's own.
    pub async fn remove(&self, id: &UserId, permit: &Permit<ManageUsers>) -> Result<(), Refusal> {
        if permit.by().person().is_some_and(|person| person.user == *id) {
            return Err(IdentityError::OwnAccount.into());
        }
        let outcome = users::remove(&self.0.db, id, self.0.world.now(), permit).await;
        self.0.living.forget_person(id);
        match outcome? {
            Removed::Done => {
                tracing::info!(user.id = %id, "an account was deleted");
                Ok(())
            }
            Removed::LastAdmin => Err(IdentityError::LastAdmin.into()),
            Removed::Missing => Err(IdentityError::NoSuchAccount.into()),
        }
    }

    /// Ends every session of a person; says how many.
    pub async fn end_sessions(&self, id: &UserId, permit: &Permit<ManageUsers>) -> Result<u64, Refusal> {
        self.user(id).await?.ok_or(IdentityError::NoSuchAccount)?;
        let ended = sessions::end_all_of(&self.0.db, id, permit.by()).await;
        self.0.living.forget_person(id);
        Ok(ended?)
    }

    /// One account, and how many of its sign-ins are not over.
    pub async fn user_with_sessions(
        &self,
        id: &UserId,
        _: &Permit<ManageUsers>,
    ) -> Result<(User, u64), Refusal> {
        let user = self.user(id).await?.ok_or(IdentityError::NoSuchAccount)?;
        Ok((user, users::count_sessions(&self.0.db, id, self.0.world.now()).await?))
    }

    /// Ends one session of a person; `not_found` when it is somebody else's or over.
    pub async fn end_session_of(
        &self,
        id: &UserId,
        session: &SessionId,
        permit: &Permit<ManageUsers>,
    ) -> Result<(), Refusal> {
        let found = sessions::by_id(&self.0.db, session).await?;
        found.filter(|(_, user)| user.id == *id).ok_or_else(|| Refusal::not_found("session"))?;
        self.sign_out(session, permit.by()).await
    }
}

/// The operator did not fill in a form: what is wrong is wrong in the environment.
fn naming_the_variable(refusal: Refusal) -> Refusal {
    let variable = match refusal.field.as_deref() {
        Some("email") => "WEBUI_ADMIN_EMAIL",
        Some("name") => "WEBUI_ADMIN_NAME",
        Some("password") => "WEBUI_ADMIN_PASSWORD",
        _ => return refusal,
    };
    Refusal { detail: format!("{variable} cannot be used. {}", refusal.detail).into(), ..refusal }
}
