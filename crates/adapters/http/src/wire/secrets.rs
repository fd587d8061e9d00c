//! The secret fields of a credential in answers.

use std::collections::BTreeMap;

use claudetools_credentials::{SecretField, Secrets};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Cross, SecretText};

/// Secrets in plain: those that are set.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct SecretsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "correct-horse-battery")]
    password: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    api_key: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    client_secret: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    token: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    private_key: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    connection_string: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    totp_secret: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    passphrase: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    secret_notes: Option<SecretText>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>, required = false, example = json!({"enable secret": "staple"}))]
    custom_fields: BTreeMap<String, SecretText>,
}

impl Cross<SecretsView> for Secrets {
    fn cross(self) -> SecretsView {
        let text = |field| self.text(field).cloned().map(SecretText);
        SecretsView {
            password: text(SecretField::Password),
            api_key: text(SecretField::ApiKey),
            client_secret: text(SecretField::ClientSecret),
            token: text(SecretField::Token),
            private_key: text(SecretField::PrivateKey),
            connection_string: text(SecretField::ConnectionString),
            totp_secret: text(SecretField::TotpSecret),
            passphrase: text(SecretField::Passphrase),
            secret_notes: text(SecretField::SecretNotes),
            custom_fields: self.custom().iter().map(|(name, text)| (name.clone(), SecretText(text.clone()))).collect(),
        }
    }
}
