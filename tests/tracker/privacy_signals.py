"""What browsers say for visitors who object: Chromium has no switch for it, so a script says it in each page."""

DO_NOT_TRACK = "Object.defineProperty(navigator, 'doNotTrack', {get: () => '1'})"
PRIVACY_CONTROL = "Object.defineProperty(navigator, 'globalPrivacyControl', {get: () => true})"
