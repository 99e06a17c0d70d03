//! The demo data: two organizations and, in one of them, a small lab at work.
//!
//! All of it goes through the services' own calls, in the name of the demo people, so that it is
//! checked, audited and signed like anyone's. Whatever is there already is left as it is.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde_json::Value;
use spectra_identity::directory::{self, Directory};
use spectra_mesh::Object;
use spectra_proto::{
    identity::{SignInRequest, session_service_client::SessionServiceClient},
    types::UserRole,
};
use tonic::Request;

use crate::stack::Stack;

mod analyses;
mod analysis;
mod attachments;
mod custody;
mod eln;
mod lims;
mod results;
mod sops;
mod spc;
mod wafers;

/// An organization of the demo data.
#[derive(Clone, Copy, Debug)]
pub struct Organization {
    /// What addresses it in a sign-in.
    pub slug: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// The domain of its people's e-mail addresses.
    pub domain: &'static str,
    /// Its settings, as a JSON object.
    settings: &'static str,
}

/// The small lab at work.
pub const DEMO: Organization = Organization {
    slug: "demo-lab",
    name: "Demo Lab",
    domain: "demo.lab",
    settings: r#"{"timezone": "America/Los_Angeles", "measurement_system": "metric", "spc_enabled": true}"#,
};
/// There to see that it is another one.
pub const TEST: Organization = Organization { slug: "test-org", name: "Test Organization", domain: "test.org", settings: "{}" };

/// The organizations of the demo data.
pub const ORGANIZATIONS: [Organization; 2] = [DEMO, TEST];

/// One of the demo people.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// What comes before the `@`.
    pub login: &'static str,
    /// Past the password rules on purpose: known to everyone, in organizations that hold nothing.
    pub password: &'static str,
    /// The name.
    pub name: &'static str,
    /// The role.
    pub role: UserRole,
}

impl Person {
    /// The address in one of the organizations.
    #[must_use]
    pub fn email(&self, organization: &Organization) -> String {
        format!("{}@{}", self.login, organization.domain)
    }
}

const ADMIN: Person = Person { login: "admin", password: "admin123", name: "Admin User", role: UserRole::Admin };
const PI: Person = Person { login: "pi", password: "pi123", name: "Principal Investigator", role: UserRole::Pi };
const ENGINEER: Person = Person { login: "engineer", password: "eng123", name: "Process Engineer", role: UserRole::Engineer };
const TECHNICIAN: Person = Person { login: "tech", password: "tech123", name: "Lab Technician", role: UserRole::Technician };
const VIEWER: Person = Person { login: "viewer", password: "view123", name: "Data Viewer", role: UserRole::Viewer };

/// The demo people, the same five in both organizations.
pub const PEOPLE: [Person; 5] = [ADMIN, PI, ENGINEER, TECHNICIAN, VIEWER];

/// Writes what is missing of the demo data; whether anything was.
pub async fn write(stack: &Stack) -> Result<bool> {
    if is_written(stack).await {
        return Ok(false);
    }
    enrol(&stack.directory).await?;
    let engineer = SignedIn::of(stack, ENGINEER).await?;
    let pi = SignedIn::of(stack, PI).await?;
    let written = lims::write(&engineer, &pi).await.context("the demo samples and recipes")?;
    wafers::write(&engineer, &written.samples).await.context("the demo wafers and devices")?;
    custody::write(&engineer, &written.samples).await.context("the demo custody events")?;
    let technician = SignedIn::of(stack, TECHNICIAN).await?;
    attachments::write(&technician, &written.samples).await.context("the demo attachments")?;
    analysis::write(&engineer, &written).await.context("the demo instruments and runs")?;
    spc::write(&engineer).await.context("the demo control chart")?;
    analyses::write(&engineer).await.context("the demo analysis")?;
    eln::write(&engineer, &written).await.context("the demo notebook")?;
    Ok(true)
}

/// The notebook is written last.
async fn is_written(stack: &Stack) -> bool {
    match SignedIn::of(stack, VIEWER).await {
        Ok(viewer) => eln::is_written(&viewer).await,
        Err(_) => false,
    }
}

/// Founds the organizations and enrols their people; those that are there stay as they are.
pub async fn enrol(directory: &Directory) -> Result<()> {
    for organization in &ORGANIZATIONS {
        let settings: Object = serde_json::from_str(organization.settings)?;
        let id = directory.found_organization(organization.name, organization.slug, &settings).await?;
        for person in &PEOPLE {
            let email = person.email(organization);
            let Person { name, role, password, .. } = *person;
            directory.enrol(id, directory::Person { email: &email, name, role, password }).await?;
        }
    }
    Ok(())
}

/// A demo person who signed in.
struct SignedIn<'a> {
    stack: &'a Stack,
    person: Person,
    token: String,
}

impl<'a> SignedIn<'a> {
    async fn of(stack: &'a Stack, person: Person) -> Result<Self> {
        let asked = SignInRequest { username: person.email(&DEMO), password: person.password.to_owned(), organization: None };
        let tokens = SessionServiceClient::new(stack.identity.channel()).sign_in(asked).await?.into_inner();
        Ok(Self { stack, person, token: format!("Bearer {}", tokens.access_token) })
    }

    /// A request in this person's name.
    fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Ok(token) = self.token.parse() {
            request.metadata_mut().insert("authorization", token);
        }
        request
    }
}

fn object(value: &Value) -> Result<Object> {
    Ok(serde_json::from_value(value.clone())?)
}

/// What is there already, by the name that tells it from the others.
fn by_name<T>(items: Vec<T>, name: impl Fn(&T) -> String) -> HashMap<String, T> {
    items.into_iter().map(|item| (name(&item), item)).collect()
}
