import type { EditableAttributes } from '@glimpse/domain';
import type { ImageDraft } from '../../access/image-changes.js';
import { parseObject } from '../../http/validation.js';
import { checkValue, editableAttribute, requireSettable, type ImageSchema } from './image-attributes.js';

/**
 * Reads the body of a request that creates an image, whatever its media type. Every member that is no attribute is a
 * custom property.
 *
 * @throws {InvalidInput} {AttributeRefused}
 */
export function readImageBody(body: Buffer | undefined, schema: ImageSchema): ImageDraft {
  const attributes: Partial<Record<keyof EditableAttributes | 'id', unknown>> = {};
  const properties: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(parseObject(body))) {
    requireSettable(name);
    checkValue(name, value, schema);
    const attribute = name === 'id' ? name : editableAttribute(name);
    if (attribute) attributes[attribute] = value;
    else properties[name] = value as string | null;
  }
  return { ...(attributes as ImageDraft), properties };
}
