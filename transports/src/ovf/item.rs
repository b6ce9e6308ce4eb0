//! Hardware items: CIM allocation settings in XML (DSP0243 1.1.0, section 8.3; OVF 2 adds `StorageItem` and
//! `EthernetPortItem`, which say the same in namespaces of their own).

use std::collections::BTreeMap;

use super::xml::{Element, Space};

/// One hardware item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// `InstanceID`.
    pub id: String,
    /// `ResourceType` (CIM_ResourceAllocationSettingData).
    pub kind: u32,
    /// `ResourceSubType`.
    pub subtype: Option<String>,
    /// `ElementName`, for messages.
    pub name: String,
    /// `Parent`: the InstanceID of the controller.
    pub parent: Option<String>,
    /// `Address`: a controller's number, or a MAC address.
    pub address: Option<String>,
    /// `AddressOnParent`: the unit on the controller.
    pub unit: Option<u32>,
    /// `HostResource`.
    pub host_resource: Option<String>,
    /// `Connection`: the network.
    pub connection: Option<String>,
    /// `VirtualQuantity`.
    pub quantity: Option<u64>,
    /// `AllocationUnits`.
    pub units: Option<String>,
    /// `AutomaticAllocation`: connected at start.
    pub automatic: Option<bool>,
    /// VMware's `CoresPerSocket`.
    pub cores_per_socket: Option<u32>,
    /// VMware's settings of the item, by lower-case key.
    pub settings: BTreeMap<String, String>,
}

/// The items of a hardware section that hold in `configuration`.
///
/// Items with `bound` give a range around an item without it (section 8.4) and are passed over. An item of a
/// configuration takes the place of one with the same id (section 9.8).
pub(super) fn all(hardware: &Element, configuration: Option<&str>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut place_of: BTreeMap<String, usize> = BTreeMap::new();
    let is_item = |e: &&Element| {
        e.space == Space::Ovf && matches!(e.name.as_str(), "Item" | "StorageItem" | "EthernetPortItem")
    };
    for element in hardware.children.iter().filter(is_item) {
        if element.attribute(Space::Ovf, "bound").is_some_and(|bound| bound != "normal") {
            continue;
        }
        let belongs = element.attribute(Space::Ovf, "configuration").map(|list| {
            configuration.is_some_and(|wanted| list.split_whitespace().any(|name| name == wanted))
        });
        let item = item(element);
        match (belongs, place_of.get(&item.id).and_then(|place| items.get_mut(*place))) {
            (Some(false), _) => {}
            (Some(true), Some(other)) => *other = item,
            _ => {
                place_of.insert(item.id.clone(), items.len());
                items.push(item);
            }
        }
    }
    items
}

fn item(element: &Element) -> Item {
    let text = |name| element.child_text(Space::Resource, name);
    let owned = |name| text(name).map(str::to_owned);
    Item {
        id: owned("InstanceID").unwrap_or_default(),
        kind: text("ResourceType").and_then(|v| v.parse().ok()).unwrap_or_default(),
        subtype: owned("ResourceSubType"),
        name: text("ElementName").or_else(|| text("Caption")).unwrap_or("an item without a name").to_owned(),
        parent: owned("Parent"),
        address: owned("Address"),
        unit: text("AddressOnParent").and_then(|v| v.parse().ok()),
        host_resource: owned("HostResource"),
        connection: owned("Connection"),
        quantity: text("VirtualQuantity").and_then(|v| v.parse().ok()),
        units: owned("AllocationUnits"),
        automatic: text("AutomaticAllocation").and_then(|v| v.parse().ok()),
        cores_per_socket: element.child_text(Space::Vmware, "CoresPerSocket").and_then(|v| v.parse().ok()),
        settings: element.children(Space::Vmware, "Config").filter_map(setting).collect(),
    }
}

/// Key (in lower case) and value of a `vmw:Config` or `vmw:ExtraConfig`.
pub(super) fn setting(element: &Element) -> Option<(String, String)> {
    let key = element.attribute(Space::Vmware, "key")?;
    let value = element.attribute(Space::Vmware, "value")?;
    Some((key.to_ascii_lowercase(), value.to_owned()))
}
