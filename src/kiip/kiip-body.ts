import type { Config } from '../config/config.js';
import type { KiipMomentRequestDto } from './moment.dto.js';
import type { KiipSessionRequestDto } from './session.dto.js';

type Settings = Pick<Config, 'kiipAppKey' | 'kiipSdkVersion' | 'kiipTestMode'>;

/**
 * The body of a request to Kiip: the fields of the caller and those that the gateway adds. JSON omits `undefined` fields.
 * @param userid the user's id at Kiip: our own, or a reference
 */
export function kiipBody(
  call: KiipSessionRequestDto | KiipMomentRequestDto,
  userid: string | undefined,
  settings: Settings,
): object {
  const { app, connection, device, location, user, close_button, email_address } = call;
  return {
    app: { app_key: settings.kiipAppKey, version: app.version },
    connection,
    device,
    location,
    moment: 'moment' in call ? call.moment : undefined,
    // Kiip shows the button unless it gets 0 or false (docs/vendors/kiip.md, 5).
    close_button: close_button === false ? false : undefined,
    email_address,
    sdk_version: settings.kiipSdkVersion,
    test: settings.kiipTestMode,
    user: user && { age: user.age, gender: user.gender, userid },
    events: 'events' in call ? call.events : undefined,
  };
}
