//! Sign-up, and sign-in as far as the password.

use kernel::{
    Caller, Email, Refusal, SignInMethod, User,
    audit::{Entry, Event, Target},
};
use store::audit;

use crate::{
    Identity, NewAccount, SignInForm,
    error::IdentityError,
    form::Checked,
    passwords::Proved,
    provision::{Applicant, Door},
    rules::SecondFactor,
    second_step::{SignIn, StepKind},
};

impl Identity {
    /// Makes an account for somebody who asks for it, and signs them in; where everybody needs a second factor, it is
    /// set up first.
    ///
    /// Refuses with `password_auth_disabled`, `signup_closed`, `invalid_email`, `email_taken`, `invalid_name`,
    /// `invalid_picture`, `weak_password` or, after a hundred within ten minutes from one network,
    /// `too_many_attempts`.
    pub async fn sign_up(&self, form: NewAccount<'_>, by: &Caller) -> Result<SignIn, Refusal> {
        self.rules().require_passwords()?;
        // Asked again, for good, where the account is made; here it spares strangers' hashing.
        if !self.is_sign_up_open().await? {
            return Err(IdentityError::SignUpClosed.into());
        }
        // Before anything that takes time: estimating a password's strength does, too.
        if let Some(client) = by.request().address() {
            let admitted = self.0.throttle.admit_sign_up(client, self.0.world.now());
            admitted.map_err(|wait| IdentityError::TooManySignUps { wait })?;
        }
        let applicant = self.applicant(form.check(&self.password_rules())?).await?;
        if self.rules().second_factor == SecondFactor::Required {
            let user = self.provision(applicant, Door::SignUp, by).await?;
            return Ok(SignIn::Next(self.next_step(&user, StepKind::Enrol, Vec::new())));
        }
        let view = self.provision_signed_in(applicant, Door::SignUp, SignInMethod::SignUp, by).await?;
        Ok(SignIn::Done(Box::new(view)))
    }

    /// Signs in with a password, or takes the first of two steps. Refuses with `password_auth_disabled` or
    /// `login_form_disabled` where the operator wants neither, with `wrong_credentials` in the same words and after the
    /// same work whatever is wrong, or with `too_many_attempts`.
    pub async fn sign_in(&self, form: SignInForm<'_>, by: &Caller) -> Result<SignIn, Refusal> {
        self.rules().require_login_form()?;
        let email = Email::parse(form.email).ok();
        let Proved { user, attempt } = self.prove_password(form, by).await?;
        match self.password_was_right(user.clone(), by).await {
            Ok(step) => {
                self.0.throttle.forgive(attempt);
                Ok(step)
            }
            // Somebody changed the password or switched the account off meanwhile.
            Err(refusal) if refusal.code == "wrong_credentials" => {
                Err(self.refused(refusal, email.as_ref(), Some(&user), by).await)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Records a sign-in that did not work, with the address that was tried. The refusal, or why the record could
    /// not be written: nobody gets to guess unseen.
    pub(crate) async fn refused(
        &self,
        refusal: Refusal,
        tried: Option<&Email>,
        user: Option<&User>,
        by: &Caller,
    ) -> Refusal {
        let mut entry = Entry::failed(Event::SessionRefused, by, refusal.kind.status())
            .with("reason", refusal.code.as_ref())
            .with("tried", tried.map(Email::as_str));
        entry.target = user.map(|user| Target::from(&user.id));
        match audit::record(&self.0.db, &entry).await {
            Ok(()) => refusal,
            Err(error) => error.into(),
        }
    }

    pub(crate) async fn applicant(&self, checked: Checked) -> Result<Applicant, Refusal> {
        Ok(Applicant {
            name: checked.name,
            email: checked.email,
            password: Some(self.hash(checked.password).await?),
            profile_image_url: checked.profile_image_url,
        })
    }
}
