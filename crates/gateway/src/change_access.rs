//! What is decided about who may use a model, and how a decision follows the model to another name.

use kernel::{ChangeGrants, Connection, Grant, ManageConnections, Permit, Resource};
use store::grants::Decision;

use crate::{Gateway, admin::AdminError, catalog::own_id};

impl Gateway {
    /// What is decided about a model, by its public name; `None` when nobody decided anything.
    pub async fn model_decision(&self, model: &str) -> Result<Option<Vec<Grant>>, AdminError> {
        Ok(store::grants::of(&self.0.db, Resource::Model, model).await?)
    }

    /// Decides about a model: exactly these grants, or (`None`) `DEFAULT_MODEL_ACCESS` again. In force when this
    /// returns. `false`, and nothing changes, when somebody else decided in the meantime.
    pub async fn decide_about_model(
        &self,
        model: &str,
        decision: Decision<'_>,
        permit: &Permit<ChangeGrants>,
    ) -> Result<bool, AdminError> {
        let inner = &*self.0;
        let now = inner.world.now();
        if !store::grants::replace(&inner.db, Resource::Model, model, decision, now, permit).await? {
            return Ok(false);
        }
        self.access_changed().await?;
        Ok(true)
    }

    /// A model is about to get another public name: whoever may not use it under the old one may not under the
    /// new one either.
    pub(crate) async fn carry_decision(
        &self,
        from: &str,
        to: &str,
        permit: &Permit<ManageConnections>,
    ) -> Result<(), AdminError> {
        self.carry(vec![(from.to_owned(), to.to_owned())], permit).await
    }

    /// The same for all models of a connection whose prefix is about to change.
    pub(crate) async fn carry_decisions(
        &self,
        before: &Connection,
        after: &Connection,
        permit: &Permit<ManageConnections>,
    ) -> Result<(), AdminError> {
        if before.prefix == after.prefix {
            return Ok(());
        }
        let lists = store::connections::model_lists(&self.0.db).await?;
        let listed = lists.into_iter().filter(|list| list.connection == before.id);
        let name = |prefix: &Option<String>, id: &str| own_id(prefix.as_deref(), id);
        let names = listed
            .flat_map(|list| list.models)
            .map(|model| (name(&before.prefix, &model.id), name(&after.prefix, &model.id)));
        self.carry(names.collect(), permit).await
    }

    async fn carry(
        &self,
        mut names: Vec<(String, String)>,
        permit: &Permit<ManageConnections>,
    ) -> Result<(), AdminError> {
        let decided = store::grants::all(&self.0.db, Resource::Model).await?;
        names.retain(|(from, to)| from != to && decided.contains_key(from));
        if names.is_empty() {
            return Ok(());
        }
        store::grants::carry(&self.0.db, Resource::Model, &names, permit).await?;
        self.access_changed().await
    }
}
