//! Rows, read column by column in the order of the SELECT. What does not parse is `Damaged`, never a panic.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    StoreError,
    value::{FromValue, Value},
};

/// One row of an answer.
pub(crate) struct Row(pub(crate) Vec<Value>);

impl Row {
    /// Begins to read the row; its first column names it in errors.
    pub(crate) fn fields(self, table: &'static str) -> Fields {
        let mut fields = Fields { table, id: String::new(), values: self.0, next: 0 };
        fields.enter(table);
        fields
    }

    /// The only column of the row.
    pub(crate) fn single<T: FromValue>(self, table: &'static str) -> Result<T, StoreError> {
        self.fields(table).read()
    }
}

/// A row being read from left to right.
pub(crate) struct Fields {
    table: &'static str,
    id: String,
    values: Vec<Value>,
    next: usize,
}

impl Fields {
    /// From here on the columns belong to this table; the next one names the row.
    pub(crate) fn enter(&mut self, table: &'static str) {
        self.table = table;
        self.id = match self.values.get(self.next) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Int(number)) => number.to_string(),
            _ => "?".to_owned(),
        };
    }

    /// The next column.
    pub(crate) fn read<T: FromValue>(&mut self) -> Result<T, StoreError> {
        let value = self.values.get_mut(self.next).map(std::mem::take);
        self.next += 1;
        value.and_then(T::from_value).ok_or_else(|| self.damaged())
    }

    /// The next column, which holds JSON text.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        let text: String = self.read()?;
        serde_json::from_str(&text).map_err(|_| self.damaged())
    }

    /// The next column, which holds JSON text or NULL.
    pub(crate) fn optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.read()?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| self.damaged())
    }

    /// The error that names this row.
    pub(crate) fn damaged(&self) -> StoreError {
        StoreError::Damaged { table: self.table, id: self.id.clone() }
    }
}

/// JSON text for a column that is read whole.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("the kernel's values have string keys and cannot fail to serialise")
}
