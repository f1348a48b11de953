//! The confidence of labels, as a member of a report's JSON line.

use super::Labelled;
use super::json::{comma, string};
use crate::label::Policy;

/// Appends `,"confidence":{"Label":0.97}`, with an object a scheme where there are several: the shape of `labels`.
/// It is the confidence in the value that the report gives, before a policy maps it; labels that the policy leaves out
/// are left out here, too.
pub(crate) fn confidence(out: &mut Vec<u8>, labelled: &[Labelled], policy: Policy) {
    out.extend_from_slice(b",\"confidence\":{");
    let mut first = true;
    for one in labelled {
        if labelled.len() > 1 {
            comma(out, &mut first);
            string(out, &one.scheme.id);
            out.extend_from_slice(b":{");
        }
        let mut inner = true;
        for (label, confidence) in one.labels.iter().zip(&one.confidence) {
            if policy.apply(label.value).is_some() {
                comma(out, &mut inner);
                string(out, &one.scheme.labels[label.label as usize].name);
                // Three decimals: the data tell no more.
                out.extend_from_slice(format!(":{:.3}", confidence.clamp(0.0, 1.0)).as_bytes());
            }
        }
        if labelled.len() > 1 {
            out.push(b'}');
        }
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, Report};

    #[test]
    fn the_member_has_the_shape_of_labels() {
        let engine = Engine::embedded();
        let text = "FINDINGS: No effusion. Possible edema. Pneumothorax.";
        let analysis = engine.analyze(&Report::new("a", text));
        let schemes = ["chexpert", "mimic"].map(|id| engine.scheme(id).expect("scheme"));
        let labelled = schemes.map(|b| {
            let labels = engine.labels(&analysis, b);
            let confidence = engine.confidences(&analysis, text, b, &labels).expect("calibrated");
            Labelled { scheme: &b.scheme, labels, confidence }
        });
        let written = |n: usize, policy| {
            let mut out = b"{\"id\":\"a\"".to_vec();
            confidence(&mut out, &labelled[..n], policy);
            out.push(b'}');
            serde_json::from_slice::<serde_json::Value>(&out).expect("JSON")["confidence"].clone()
        };
        let one = written(1, Policy::Keep);
        for label in ["Edema", "Pleural Effusion", "Pneumothorax"] {
            let p = one[label].as_f64().expect("a number");
            assert!((0.5..1.0).contains(&p), "{label}: {p}");
        }
        assert!(written(1, Policy::Ignore).get("Edema").is_none());
        assert_eq!(written(2, Policy::Keep)["chexpert"], one);
    }
}
