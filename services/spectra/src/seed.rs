//! The demo data: two organizations and, in one of them, a small lab at work.
//!
//! All of it goes through the services' own calls, in the name of the demo people, so that it is
//! checked, audited and signed like anyone's. Whatever is there already is left as it is.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use spectra_identity::directory;
use spectra_mesh::Object;
use spectra_proto::{
    analysis::{ListRunsRequest, RunStatus, run_service_client::RunServiceClient},
    identity::{SignInRequest, session_service_client::SessionServiceClient},
    types::UserRole,
};
use tonic::Request;

use crate::stack::Stack;

mod bench;
mod shelf;

/// The domain of the demo organization's e-mail addresses.
pub const DEMO_DOMAIN: &str = "demo.lab";
/// The domain of the organization that is there to see that it is another one.
pub const TEST_DOMAIN: &str = "test.org";

/// One of the demo people.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// What comes before the `@`.
    pub login: &'static str,
    /// Past the password rules on purpose: known to everyone, in organizations that hold nothing.
    pub password: &'static str,
    /// The name.
    pub title: &'static str,
    /// The role.
    pub role: UserRole,
}

impl Person {
    /// The address in one of the two organizations.
    #[must_use]
    pub fn email(&self, domain: &str) -> String {
        format!("{}@{domain}", self.login)
    }
}

const ADMIN: Person = Person { login: "admin", password: "admin123", title: "Admin User", role: UserRole::Admin };
const PI: Person = Person { login: "pi", password: "pi123", title: "Principal Investigator", role: UserRole::Pi };
const ENGINEER: Person = Person { login: "engineer", password: "eng123", title: "Process Engineer", role: UserRole::Engineer };
const TECHNICIAN: Person = Person { login: "tech", password: "tech123", title: "Lab Technician", role: UserRole::Technician };
const VIEWER: Person = Person { login: "viewer", password: "view123", title: "Data Viewer", role: UserRole::Viewer };

/// The demo people, the same five in both organizations.
pub const PEOPLE: [Person; 5] = [ADMIN, PI, ENGINEER, TECHNICIAN, VIEWER];

/// Writes what is missing of the demo data; whether anything was.
pub async fn plant(stack: &Stack) -> Result<bool> {
    if is_planted(stack).await {
        return Ok(false);
    }
    let settings = json!({"timezone": "America/Los_Angeles", "measurement_system": "metric", "spc_enabled": true});
    enrol(stack, "Demo Lab", "demo-lab", &settings, DEMO_DOMAIN).await?;
    enrol(stack, "Test Organization", "test-org", &json!({}), TEST_DOMAIN).await?;
    let engineer = Desk::of(stack, ENGINEER).await?;
    let pi = Desk::of(stack, PI).await?;
    let shelf = shelf::fill(&engineer, &pi).await.context("the demo samples and recipes")?;
    bench::fill(&engineer, &shelf).await.context("the demo instruments and runs")?;
    Ok(true)
}

/// The run that was refused is written last.
async fn is_planted(stack: &Stack) -> bool {
    let Ok(viewer) = Desk::of(stack, VIEWER).await else { return false };
    let blocked = ListRunsRequest { status: Some(RunStatus::Blocked.into()), ..ListRunsRequest::default() };
    let listed = RunServiceClient::new(stack.analysis.channel()).list_runs(viewer.ask(blocked)).await;
    listed.is_ok_and(|page| !page.get_ref().items.is_empty())
}

async fn enrol(stack: &Stack, name: &str, slug: &str, settings: &Value, domain: &str) -> Result<()> {
    let organization = stack.directory.found_organization(name, slug, &object(settings)?).await?;
    for Person { login, password, title, role } in PEOPLE {
        let email = format!("{login}@{domain}");
        stack.directory.enrol(organization, directory::Person { email: &email, name: title, role, password }).await?;
    }
    Ok(())
}

/// A demo person who signed in.
struct Desk<'a> {
    stack: &'a Stack,
    token: String,
}

impl<'a> Desk<'a> {
    async fn of(stack: &'a Stack, person: Person) -> Result<Self> {
        let asked = SignInRequest { username: person.email(DEMO_DOMAIN), password: person.password.to_owned(), organization: None };
        let tokens = SessionServiceClient::new(stack.identity.channel()).sign_in(asked).await?.into_inner();
        Ok(Self { stack, token: format!("Bearer {}", tokens.access_token) })
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
