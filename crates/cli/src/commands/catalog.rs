//! `memwall hardware` and `memwall software`.

use memwall_hardware::catalog::{self, Entry};
use memwall_hardware::technology::{ConstantRow, technology};
use memwall_report::{figure_list, name_list, silicon_text};

use super::derive::{derive, dram_list};
use crate::args::{CatalogCommand, Global, HardwareCommand};
use crate::exit::Exit;
use crate::terminal::{complain, print, view};

/// `memwall hardware list|show|derive|dram|constants`.
pub fn hardware(command: &HardwareCommand, global: &Global) -> Exit {
    match command {
        HardwareCommand::Derive { name } => derive(name, global),
        HardwareCommand::Dram => dram_list(global),
        HardwareCommand::Constants => {
            let rows: Vec<_> = technology().rows().iter().map(ConstantRow::figure).collect();
            print(&figure_list(
                "Constants, each with the range in which the truth may lie",
                &rows,
                view(global),
            ))
        }
        HardwareCommand::List => {
            let devices = name_list(&rows(catalog::devices()), view(global));
            let systems = name_list(&rows(catalog::systems()), view(global));
            print(&format!("Devices\n{devices}\nSystems of several devices\n{systems}"))
        }
        HardwareCommand::Show { name } => match catalog::device(name) {
            Ok(device) => {
                let title = format!("{} ({})", device.title, device.name);
                let view = view(global);
                let figures = figure_list(&title, &device.rows(), view);
                print(&format!("{figures}{}", silicon_text(&device, view)))
            }
            Err(error) => match catalog::system(name) {
                Ok(system) => {
                    let title = format!("{} ({})", system.title, system.name);
                    print(&figure_list(&title, &system.rows(), view(global)))
                }
                Err(_) => unknown(&error.to_string()),
            },
        },
    }
}

/// `memwall software list|show`.
pub fn software(command: &CatalogCommand, global: &Global) -> Exit {
    match command {
        CatalogCommand::List => {
            let profiles = name_list(&rows(catalog::software_profiles()), view(global));
            let libraries = name_list(&rows(catalog::communication_libraries()), view(global));
            print(&format!("Profiles\n{profiles}\nCommunication libraries\n{libraries}"))
        }
        CatalogCommand::Show { name } => match catalog::software(name) {
            Ok(profile) => {
                let title = format!("{} ({})", profile.title, profile.name);
                print(&figure_list(&title, &profile.rows(), view(global)))
            }
            Err(error) => match catalog::communication(name) {
                Ok(library) => {
                    let title = format!("{} ({})", library.title, library.name);
                    print(&figure_list(&title, &library.rows(), view(global)))
                }
                Err(_) => unknown(&error.to_string()),
            },
        },
    }
}

fn rows(entries: &[Entry]) -> Vec<(String, String, String)> {
    let row = |entry: &Entry| (entry.name.to_owned(), entry.title().to_owned(), entry.aliases.join(", "));
    entries.iter().map(row).collect()
}

pub(super) fn unknown(message: &str) -> Exit {
    complain(&format!("error: {message}"));
    Exit::InvalidInput
}
