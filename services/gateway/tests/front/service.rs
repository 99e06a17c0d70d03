//! A service that answers as the tests wish.
#![expect(clippy::disallowed_methods, reason = "a service that answers as ours never do")]

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::HeaderMap;
use spectra_proto::lims::{
    CreateMaterialRequest, GetMaterialRequest, ListMaterialsRequest, ListMaterialsResponse, Material, UpdateMaterialRequest,
    material_service_server::{MaterialService, MaterialServiceServer},
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::oneshot,
};
use tonic::{
    Code, Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// The id of the only material.
pub(crate) const ID: &str = "0198f2a4-0000-7000-8000-000000000001";

/// A service that listens, on a runtime of its own, so that it can die with all its connections.
pub(crate) struct Double {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
    heard: Heard,
}

/// What the last call said, and how many there were.
type Heard = Arc<Mutex<(HeaderMap, usize)>>;

impl Double {
    pub(crate) async fn start() -> Self {
        Self::at("127.0.0.1:0".parse().expect("an address")).await
    }

    /// The service at this address, as soon as that is free.
    pub(crate) async fn at(place: SocketAddr) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let heard = Heard::default();
        let service = MaterialServiceServer::new(Materials(Arc::clone(&heard)));
        let (listening, address) = oneshot::channel();
        runtime.spawn(async move {
            let listener = loop {
                match TcpListener::bind(place).await {
                    Ok(listener) => break listener,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            };
            listening.send(listener.local_addr().expect("its address")).expect("a test that waits");
            let served = Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener)).await;
            served.expect("a service that serves");
        });
        Self { address: address.await.expect("a listener"), runtime: Some(runtime), heard }
    }

    /// Ends the service in the middle of whatever it does.
    pub(crate) fn die(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// What the last call said besides its message.
    pub(crate) fn heard(&self) -> HeaderMap {
        self.heard.lock().expect("no test breaks while it listens").0.clone()
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.heard.lock().expect("no test breaks while it listens").1
    }
}

/// A listener that hangs up on its first caller, and then hands on to the service.
pub(crate) async fn hangs_up_first(service: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.expect("a caller");
        // A call is on its way when the connection ends.
        let mut read = [0; 1024];
        while let Ok(Ok(1..)) = tokio::time::timeout(Duration::from_millis(200), first.read(&mut read)).await {}
        drop(first);
        while let Ok((mut caller, _)) = listener.accept().await {
            let mut service = TcpStream::connect(service).await.expect("the service");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut caller, &mut service).await });
        }
    });
    address
}

impl Drop for Double {
    fn drop(&mut self) {
        self.die();
    }
}

struct Materials(Heard);

impl Materials {
    fn hear<T>(&self, request: &Request<T>) {
        let mut heard = self.0.lock().expect("no test breaks while it listens");
        *heard = (request.metadata().clone().into_headers(), heard.1 + 1);
    }
}

fn material() -> Material {
    Material { id: ID.to_owned(), name: "Silicon".to_owned(), r#type: "semiconductor".to_owned(), revision: 3, ..Material::default() }
}

fn refusal(code: Code, reason: &str, violations: &[(&str, &str)]) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, "spectra", HashMap::from([("run_id".to_owned(), "r-1".to_owned())]));
    if !violations.is_empty() {
        details.set_bad_request(violations.iter().map(|(field, rule)| FieldViolation::new(*field, *rule)).collect::<Vec<_>>());
    }
    Status::with_error_details(code, "said by the service", details)
}

#[tonic::async_trait]
impl MaterialService for Materials {
    /// `q` says what is to happen.
    async fn list_materials(&self, request: Request<ListMaterialsRequest>) -> Result<Response<ListMaterialsResponse>, Status> {
        self.hear(&request);
        match request.get_ref().q() {
            "slow" => tokio::time::sleep(Duration::from_hours(1)).await,
            "pause" => tokio::time::sleep(Duration::from_secs(1)).await,
            "inside" => return Err(Status::unknown("relation \"materials\" does not exist")),
            "unavailable" => return Err(refusal(Code::Unavailable, "UNAVAILABLE", &[])),
            _ => {}
        }
        Ok(Response::new(ListMaterialsResponse { items: vec![material()], pagination: None }))
    }

    async fn get_material(&self, request: Request<GetMaterialRequest>) -> Result<Response<Material>, Status> {
        self.hear(&request);
        match request.get_ref().id.as_str() {
            ID => Ok(Response::new(material())),
            "me" => Err(refusal(Code::Unauthenticated, "UNAUTHENTICATED", &[])),
            _ => Err(refusal(Code::NotFound, "NOT_FOUND", &[])),
        }
    }

    async fn create_material(&self, request: Request<CreateMaterialRequest>) -> Result<Response<Material>, Status> {
        self.hear(&request);
        let asked = request.into_inner().material.unwrap_or_default();
        if asked.name.is_empty() {
            return Err(refusal(Code::InvalidArgument, "INVALID", &[("material.name", "must not be empty")]));
        }
        Ok(Response::new(Material { id: ID.to_owned(), revision: 1, ..asked }))
    }

    /// Tells the mask in the material's supplier.
    async fn update_material(&self, request: Request<UpdateMaterialRequest>) -> Result<Response<Material>, Status> {
        self.hear(&request);
        if request.metadata().get("if-match").is_some_and(|tag| tag != "\"3\"") {
            return Err(refusal(Code::Aborted, "STALE", &[]));
        }
        let mask = request.into_inner().update_mask.unwrap_or_default();
        Ok(Response::new(Material { supplier: Some(mask.paths.join(" ")), revision: 4, ..material() }))
    }
}
