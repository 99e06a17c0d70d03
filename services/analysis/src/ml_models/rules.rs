//! Where a model may go from where it stands.

use spectra_mesh::{Error, Labelled, Refusal};
use spectra_proto::{
    Label,
    analysis::ModelStage,
    types::{Reason, UserRole},
};

use super::MlModel;

/// A change of stage that the rules allow.
#[derive(Debug)]
pub(super) struct Move {
    pub(super) model: MlModel,
    pub(super) to: Labelled<ModelStage>,
}

/// A model that may be retired.
#[derive(Debug)]
pub(super) struct Retirable(pub(super) MlModel);

impl MlModel {
    /// Lets a model go to another stage.
    pub(super) fn to(self, stage: ModelStage) -> Result<Move, Refusal> {
        if self.retired_at.is_some() {
            return Err(self.astray("is retired, for good"));
        }
        if self.stage.0 == stage {
            return Err(self.astray("stands there already"));
        }
        if stage == ModelStage::Production && self.calibration_suspect {
            let message = "the model was trained on runs whose calibration is in question; train it anew, and register that";
            return Err(Refusal::new(Reason::ModelSuspect, message).about("model_id", self.id));
        }
        Ok(Move { model: self, to: Labelled(stage) })
    }

    /// Lets a model be retired by this role: what the lab works by is taken away by who put it there.
    pub(super) fn retirable(self, role: UserRole) -> Result<Retirable, Error> {
        if self.retired_at.is_some() {
            return Err(self.astray("is retired already").into());
        }
        if self.stage.0 == ModelStage::Production && role < UserRole::Pi {
            return Err(Error::Denied {
                reason: Reason::RoleRequired,
                lacking: ("required_role", UserRole::Pi.label().to_owned()),
                message: format!("a model in production is retired by the role {} or higher", UserRole::Pi.label()),
            });
        }
        Ok(Retirable(self))
    }

    fn astray(&self, what: &str) -> Refusal {
        let stage = self.stage.0.label();
        let message = format!("the model {} {} ({stage}) {what}", self.name, self.version);
        Refusal::new(Reason::ModelState, message).about("model_id", self.id).about("model_stage", stage)
    }
}

#[cfg(test)]
mod tests {
    use spectra_mesh::{Object, new_id};
    use time::OffsetDateTime;

    use super::*;

    const STAGES: [ModelStage; 4] = [ModelStage::None, ModelStage::Staging, ModelStage::Production, ModelStage::Archived];

    fn model(stage: ModelStage, calibration_suspect: bool) -> MlModel {
        MlModel {
            organization_id: new_id(),
            id: new_id(),
            name: "vth".to_owned(),
            version: "1".to_owned(),
            framework: "sklearn".to_owned(),
            model_type: None,
            metrics: Object::default(),
            uri: "s3://models/vth".to_owned(),
            content_hash: None,
            feature_set_id: None,
            trained_on_runs: 0,
            stage: Labelled(stage),
            retired_at: None,
            calibration_suspect,
            created_by: new_id(),
            revision: 1,
            created_at: OffsetDateTime::UNIX_EPOCH,
            updated_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_model_goes_anywhere_but_where_it_stands() {
        for (from, to) in STAGES.into_iter().flat_map(|from| STAGES.map(|to| (from, to))) {
            let moved = model(from, false).to(to).map(|moved| moved.to.0).map_err(|refusal| refusal.reason());
            assert_eq!(moved, if from == to { Err(Reason::ModelState) } else { Ok(to) }, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn what_is_suspect_stays_out_of_production() {
        assert_eq!(model(ModelStage::Staging, true).to(ModelStage::Production).expect_err("suspect").reason(), Reason::ModelSuspect);
        assert!(model(ModelStage::Production, true).to(ModelStage::Archived).is_ok());
    }

    #[test]
    fn what_is_retired_stays_so() {
        let retired = || MlModel { retired_at: Some(OffsetDateTime::UNIX_EPOCH), ..model(ModelStage::Archived, false) };
        assert_eq!(retired().to(ModelStage::Staging).expect_err("retired").reason(), Reason::ModelState);
        assert!(matches!(retired().retirable(UserRole::Admin), Err(Error::Refused(_))));
    }

    #[test]
    fn an_engineer_retires_what_is_not_in_production() {
        for stage in STAGES {
            let allowed = model(stage, false).retirable(UserRole::Engineer).is_ok();
            assert_eq!(allowed, stage != ModelStage::Production, "{stage:?}");
            assert!(model(stage, false).retirable(UserRole::Pi).is_ok(), "{stage:?}");
        }
    }
}
