//! What administrators and the operator do with accounts.

use std::sync::Arc;

use kernel::{Caller, Email, ManageUsers, Permit, Refusal, Role, Secret, User, UserId};
use store::{
    Page,
    users::{self, Changed, UserChange},
};

use crate::{
    Identity, NewAccount,
    error::{IdentityError, while_making},
    form,
    provision::Door,
    weak_password,
};

/// Accounts of one page, as Open WebUI cuts them.
const PAGE: u32 = 30;

/// Whom people who wait may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The name of the first administrator.
    pub name: String,
    /// The address of the first administrator.
    pub email: Email,
}

/// What becomes different; `None` stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccountChange<'a> {
    /// What the person may do, from the next request on.
    pub role: Option<Role>,
    /// As shown to others; 1 to 100 characters.
    pub name: Option<&'a str>,
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
        let applicant = self.applicant(form).await.map_err(naming_the_variable)?;
        match self.provision(applicant, Door::Operator, &Caller::operator()).await {
            Ok(user) => Ok(Some(user)),
            // Another process was faster.
            Err(refusal) if refusal.code == "signup_closed" => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Makes one more administrator. Whoever is the first account closes sign-up, here too.
    pub async fn create_admin(
        &self,
        form: NewAccount<'_>,
        permit: &Permit<ManageUsers>,
    ) -> Result<User, Refusal> {
        let applicant = self.applicant(form).await?;
        let now = self.0.world.now();
        let user = User {
            id: UserId::new(&self.0.world),
            email: applicant.email.clone(),
            name: applicant.name.clone(),
            role: Role::Admin,
            profile_image_url: applicant.profile_image_url.clone(),
            password: applicant.password.clone(),
            created_at: now,
            updated_at: now,
            last_active_at: None,
        };
        match self.provision(applicant, Door::Operator, permit.by()).await {
            Err(refusal) if refusal.code == "signup_closed" => {}
            first => return first,
        }
        users::insert(&self.0.db, &user, permit).await.map_err(while_making)?;
        tracing::info!(user.id = %user.id, "an administrator was made");
        Ok(user)
    }

    /// Accounts, oldest first, whose name or address contains `query`, 30 a page; and how many in all.
    pub async fn users(
        &self,
        query: Option<&str>,
        page: u32,
        _: &Permit<ManageUsers>,
    ) -> Result<(Vec<User>, u64), Refusal> {
        Ok(users::list(&self.0.db, query.filter(|text| !text.is_empty()), Page::new(page, PAGE)).await?)
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
        Ok(admin.map(|user| Contact { name: user.name, email: user.email }))
    }

    /// Changes an account; nothing when either part is refused. Refuses to demote the last administrator.
    pub async fn change(
        &self,
        id: &UserId,
        change: AccountChange<'_>,
        permit: &Permit<ManageUsers>,
    ) -> Result<User, Refusal> {
        let name = change.name.map(form::name).transpose()?;
        let change = UserChange { role: change.role, name };
        let outcome = users::change(&self.0.db, id, change, self.0.world.now(), permit).await;
        // Also when the database failed: the next request then asks it again.
        self.0.living.forget_person(id);
        match outcome? {
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
        let user = self.user(id).await?.ok_or(IdentityError::NoSuchAccount)?;
        weak_password::check(&password, &user.email)?;
        let digest = self.hash(password).await?;
        let changed = users::set_password(&self.0.db, id, &digest, self.0.world.now(), permit).await;
        self.0.living.forget_person(id);
        if !changed? {
            return Err(IdentityError::NoSuchAccount.into());
        }
        tracing::info!(user.id = %id, "a password was reset and all sessions of the account ended");
        Ok(())
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
